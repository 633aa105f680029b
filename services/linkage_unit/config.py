"""Configuration of the linkage unit: one TOML file, paths relative to its folder, no key in it."""

from pathlib import Path
from typing import Final

from pydantic import Field

from services.common.config import Address, Configuration, load_toml
from services.common.database import sqlite_url
from services.common.paths import FilePath

EXAMPLE: Final = """\
agreement = "agreement.json"          # signed by every party
keys = "keys"                         # made by `symbolon keys new`, with the authority's certificate
data = "data"                         # sealed encodings and tokens, embedded database, audit logs
wraps = "wraps"                       # wrapped data keys: leave this folder out of backups
key_encryption_key = "kek"            # made on first use, mode 0600; keep it apart from the wraps
listen = "0.0.0.0:7443"
analysis_service = "analysis.example:7444"
# database = "postgresql+psycopg://linkage@/linkage"   # default: SQLite in the data folder
# cluster = "10.0.0.5:6379"           # Ray cluster that compares; default: this machine's cores (deploy/ray)
"""


class LinkageUnitConfig(Configuration):
    """Where the linkage unit finds and keeps things."""

    agreement: FilePath = Field(description="signed agreement")
    keys: FilePath = Field(description="key folder")
    data: FilePath = Field(description="sealed files, embedded database, audit logs")
    wraps: FilePath = Field(description="wrapped data keys; leave it out of backups")
    key_encryption_key: FilePath = Field(description="file of the key-encryption key, mode 0600")
    listen: Address = Field(description="host:port that providers call")
    analysis_service: Address = Field(description="host:port of the analysis service")
    database: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the data folder")

    cluster: Address | None = Field(default=None, description="Ray cluster that compares; none: this machine's cores")

    @property
    def database_url(self) -> str:
        """The store's URL, the default resolved."""
        return self.database or sqlite_url(self.data / "linkage-unit.sqlite")


def load(path: Path) -> LinkageUnitConfig:
    """Read the configuration; raises one `ConfigurationFault` with every fault."""
    return load_toml(path, LinkageUnitConfig)
