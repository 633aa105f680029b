"""Configuration of the analysis service: one TOML file, paths relative to its folder, no key in it."""

from pathlib import Path
from typing import Final

from pydantic import Field

from services.common.config import Address, Configuration, load_toml
from services.common.database import sqlite_url
from services.common.paths import FilePath

EXAMPLE: Final = """\
agreement = "agreement.json"          # signed by every party
keys = "keys"                         # made by `symbolon keys new`, with the authority's certificate
data = "data"                         # encrypted payload, embedded database, audit log
wraps = "wraps"                       # wrapped data keys: leave this folder out of backups
key_encryption_key = "kek"            # made on first use, mode 0600; keep it apart from the wraps
roster = "roster.json"                # made by `symbolon analysis roster new`
anchor = "anchor.json"                # head of the budget's ledger: keep it out of the database's backups
listen = "0.0.0.0:7444"
# database = "postgresql+psycopg://analysis@/analysis"   # default: SQLite in the data folder
# ledger = "postgresql+psycopg://analysis@/ledger"       # where several projects share one population's budget
# memory_limit = "4GB"
# answer_step_seconds = 0.5
"""


class AnalysisConfig(Configuration):
    """Where the analysis service finds and keeps things."""

    agreement: FilePath = Field(description="signed agreement")
    keys: FilePath = Field(description="key folder")
    data: FilePath = Field(description="encrypted payload, embedded database, audit log")
    wraps: FilePath = Field(description="wrapped data keys; leave it out of backups")
    key_encryption_key: FilePath = Field(description="file of the key-encryption key, mode 0600")
    roster: FilePath = Field(description="signed roster of analysts")
    anchor: FilePath = Field(description="head of the ledger; keep it out of the database's backups")
    listen: Address = Field(description="host:port that providers, linkage unit and analysts call")
    database: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the data folder")
    ledger: str = Field(
        default="",
        description="SQLAlchemy URL of the budget's ledger, which all projects of a lineage share; empty: `database`",
    )
    memory_limit: str = Field(
        default="2GB", pattern=r"^\d+(MB|GB)$", description="of one question; beyond it the release fails, unspilled"
    )
    answer_step_seconds: float = Field(
        default=0.5, ge=0, le=60, description="paid answers leave at whole multiples of this, so that time tells little"
    )

    @property
    def database_url(self) -> str:
        """The store's URL, the default resolved."""
        return self.database or sqlite_url(self.data / "analysis.sqlite")

    @property
    def ledger_url(self) -> str:
        """The ledger's URL, the default resolved."""
        return self.ledger or self.database_url


def load(path: Path) -> AnalysisConfig:
    """Read the configuration; raises one `ConfigurationFault` with every fault."""
    return load_toml(path, AnalysisConfig)
