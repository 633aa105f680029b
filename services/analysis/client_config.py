"""Configuration of an analyst: one TOML file with paths and an address, and no key in it."""

from pathlib import Path
from typing import Final

from services.common.config import Address, Configuration, load_toml
from services.common.paths import FilePath

EXAMPLE: Final = """\
agreement = "agreement.json"                # signed by every party
keys = "keys"                               # made by `symbolon keys new --role analyst`
analysis_service = "analysis.example:7444"
"""


class AnalystConfig(Configuration):
    """Where an analyst's keys and the agreement are, and where the analysis service listens."""

    keys: FilePath
    agreement: FilePath
    analysis_service: Address


def load(path: Path) -> AnalystConfig:
    """Read the configuration; raises one `ConfigurationFault` with every fault."""
    return load_toml(path, AnalystConfig)
