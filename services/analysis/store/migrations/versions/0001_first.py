"""The first schema: agreement, wave keys, deliveries, payload tables, ledger, releases."""

import sqlalchemy as sa
from alembic import op

from services.common.agreements import agreement_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    agreements = sa.MetaData()
    agreement_tables(agreements)
    agreements.create_all(op.get_bind())
    op.create_table(
        "wave_keys",
        sa.Column("wave", sa.String(40), primary_key=True),
        sa.Column("token_key", sa.LargeBinary, nullable=False),
        sa.Column("payload_key", sa.LargeBinary, nullable=False),
        sa.Column("closed_at", sa.String(40)),
    )
    _create_deliveries()
    op.create_table(
        "ledger",
        sa.Column("lineage", sa.String(32), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("agreement_hash", sa.String(64), nullable=False),
        sa.Column("project", sa.String(40), nullable=False),
        sa.Column("wave", sa.String(40), nullable=False),
        sa.Column("analyst", sa.String(40), nullable=False),
        sa.Column("question_hash", sa.String(64), nullable=False),
        sa.Column("nano_rho", sa.BigInteger, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("reservation", sa.String(64), nullable=False),
        sa.Column("result_digest", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False, unique=True),
    )
    op.create_table(
        "releases",
        sa.Column("release_id", sa.String(32), primary_key=True),
        sa.Column("lineage", sa.String(32), nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=False),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("wave", sa.String(40), nullable=False),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("manifest_digest", sa.String(64), nullable=False),
        sa.Column("manifest", sa.LargeBinary, nullable=False),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("batch", sa.String(64), nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("begun_at", sa.String(40), nullable=False),
        sa.Column("committed_at", sa.String(40)),
        sa.UniqueConstraint("provider", "idempotency_key"),
    )
    op.create_table(
        "chunks",
        sa.Column("delivery", sa.String(32), sa.ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("provider", sa.String(40), primary_key=True),
        sa.Column("wave", sa.String(40), primary_key=True),
        sa.Column("batch", sa.String(64), nullable=False, unique=True),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("delivery", sa.String(32), sa.ForeignKey("deliveries.id"), nullable=False),
    )
    op.create_table(
        "payload_tables",
        sa.Column("wave", sa.String(40), primary_key=True),
        sa.Column("provider", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("file", sa.String(200), nullable=False),
    )
