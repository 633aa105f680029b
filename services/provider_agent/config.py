"""The agent's configuration: one TOML file with paths and addresses, and no key."""

from pathlib import Path
from typing import Final

from services.common.config import Address, Configuration, load_toml
from services.common.paths import FilePath

EXAMPLE: Final = """\
agreement = "agreement.json"              # signed by every party
keys = "keys"                             # made by `symbolon keys new`, with the authority's certificate
mapping = "mapping.toml"                  # which column is what; `symbolon agent example-mapping` prints one
state = "state"                           # the agent's own folder: outbox, sealed secrets
key_encryption_key = "secrets/kek"        # made on first use, mode 0600; keep it out of backups of `state`
linkage_unit = "linkage.example:7443"
analysis_service = "analysis.example:7444"
wave = "w1"                               # or --wave
"""


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
