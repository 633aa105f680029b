"""Configuration of an analyst: one TOML file with paths and an address, and no key in it.

keys = "keys"                              made by `symbolon keys new --role analyst`
agreement = "agreement.json"               signed by every party
analysis_service = "analysis.example:7444"
"""

from pathlib import Path

from pydantic import Field

from services.common.config import Configuration, load_toml
from services.common.paths import FilePath


class AnalystConfig(Configuration):
    """Where an analyst's keys and the agreement are, and where the analysis service listens."""

    keys: FilePath
    agreement: FilePath
    analysis_service: str = Field(pattern=r"^.+:\d+$")


def load(path: Path) -> AnalystConfig:
    """Read the configuration; raises one `ConfigurationFault` with every fault."""
    return load_toml(path, AnalystConfig)
