"""The agent's configuration: one TOML file with paths and addresses, and no key.

keys = "keys/tax"                         folder made by `symbolon keys new`
agreement = "agreement.json"              signed by every party
mapping = "mapping.toml"                  which column is what
state = "state"                           the agent's own folder: outbox, sealed secrets
key_encryption_key = "secrets/agent.kek"  made on first use; keep it away from backups of `state`
linkage_unit = "linkage.example:7001"
analysis_service = "analysis.example:7002"
wave = "2025"                             or --wave
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.common.config import Configuration, load_toml
from services.common.paths import FilePath

Address = Annotated[str, Field(pattern=r"^.+:[0-9]{1,5}$")]
"""`host:port`."""


class AgentConfig(Configuration):
    """Where everything is that the agent needs."""

    keys: FilePath
    agreement: FilePath
    mapping: FilePath
    state: FilePath
    key_encryption_key: FilePath
    linkage_unit: Address
    analysis_service: Address
    wave: str | None = None


def load(path: Path) -> AgentConfig:
    """Read the configuration; raises one `ConfigurationFault` with every fault."""
    return load_toml(path, AgentConfig)
