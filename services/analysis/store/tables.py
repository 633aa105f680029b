"""The metadata tables, as the newest migration leaves them. They hold no payload, no token and no synthetic key."""

from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint

MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""Alembic's script folder, for `services.common.database.open_database`."""

METADATA: Final = MetaData()

wave_keys: Final = Table(
    "wave_keys",
    METADATA,
    Column("wave", String(40), primary_key=True),
    Column("token_key", LargeBinary, nullable=False),
    Column("payload_key", LargeBinary, nullable=False),
    Column("closed_at", String(40)),
)
"""Public halves of each wave's keys; the private halves are wrapped apart, and gone once `closed_at` is set."""

deliveries: Final = Table(
    "deliveries",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("provider", String(40), nullable=False),
    Column("wave", String(40), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    Column("manifest_digest", String(64), nullable=False),
    Column("manifest", LargeBinary, nullable=False),
    Column("agreement", String(64), nullable=False),
    Column("batch", String(64), nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("begun_at", String(40), nullable=False),
    Column("committed_at", String(40)),
    UniqueConstraint("provider", "idempotency_key"),
)

chunks: Final = Table(
    "chunks",
    METADATA,
    Column("delivery", String(32), ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
)
"""Chunks of deliveries that are safely on disk, as they came (sealed)."""

batches: Final = Table(
    "batches",
    METADATA,
    Column("provider", String(40), primary_key=True),
    Column("wave", String(40), primary_key=True),
    Column("batch", String(64), nullable=False, unique=True),
    Column("agreement", String(64), nullable=False),
    Column("delivery", String(32), ForeignKey("deliveries.id"), nullable=False),
)
"""Token batches that were delivered: each once, and one a provider, wave and version of the agreement."""

payload_tables: Final = Table(
    "payload_tables",
    METADATA,
    Column("wave", String(40), primary_key=True),
    Column("provider", String(40), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("file", String(200), nullable=False),
)
"""The files that hold each wave's payload. A row here is what makes a file count."""

ledger: Final = Table(
    "ledger",
    METADATA,
    Column("lineage", String(32), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(9), nullable=False),
    Column("agreement_hash", String(64), nullable=False),
    Column("project", String(40), nullable=False),
    Column("wave", String(40), nullable=False),
    Column("analyst", String(40), nullable=False),
    Column("question_hash", String(64), nullable=False),
    Column("nano_rho", BigInteger, nullable=False),
    Column("at", String(40), nullable=False),
    Column("reservation", String(64), nullable=False),
    Column("result_digest", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("entry_hash", String(64), nullable=False, unique=True),
    Column("idempotency_key", String(64), nullable=False, server_default=""),
    Column("cap", String(60), nullable=False, server_default=""),
    Column("mechanism", String(60), nullable=False, server_default=""),
)
"""The privacy budget's ledger, append-only: one chain a lineage (`disclosure.entries`)."""

releases: Final = Table(
    "releases",
    METADATA,
    Column("release_id", String(32), primary_key=True),
    Column("lineage", String(32), nullable=False),
    Column("result", LargeBinary, nullable=False),
)
"""Released tables, as they were answered."""

increases: Final = Table(
    "increases",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("lineage", String(32), nullable=False),
    Column("document", LargeBinary, nullable=False),
)
"""Increases of the budget as they were approved and granted, by the digest that their ledger entries carry."""
