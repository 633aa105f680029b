"""First tables of the linkage unit's store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "agreements",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("file", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "suspensions",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(40), primary_key=True),
        sa.Column("notice", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "shares",
        sa.Column("agreement", sa.String(64), primary_key=True),
        sa.Column("sender", sa.String(40), primary_key=True),
        sa.Column("recipient", sa.String(40), primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("statement", sa.LargeBinary),
    )
    op.create_table(
        "key_checks",
        sa.Column("agreement", sa.String(64), primary_key=True),
        sa.Column("provider", sa.String(40), primary_key=True),
        sa.Column("key_check", sa.LargeBinary, nullable=False),
        sa.Column("canary_digest", sa.LargeBinary, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.LargeBinary(16), primary_key=True),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("wave", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("manifest", sa.LargeBinary, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
        sa.Column("next_chunk", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.UniqueConstraint("wave", "provider", name="one_file_per_wave_and_provider"),
    )
    op.create_table(
        "chunks",
        sa.Column("upload", sa.LargeBinary(16), sa.ForeignKey("uploads.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("wave", sa.String(40), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False, unique=True),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("seed", sa.LargeBinary(8), nullable=False),
        sa.Column("failure", sa.String(80)),
        sa.Column("manifest", sa.LargeBinary),
    )
    op.create_table(
        "registry",
        sa.Column("provider", sa.String(40), primary_key=True),
        sa.Column("handle", sa.LargeBinary(16), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("group_id", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "group_pseudonyms",
        sa.Column("project", sa.String(40), primary_key=True),
        sa.Column("group_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("pseudonym", sa.LargeBinary(16), nullable=False),
        sa.UniqueConstraint("project", "pseudonym", name="one_group_per_pseudonym"),
    )
    op.create_table(
        "token_batches",
        sa.Column("wave", sa.String(40), primary_key=True),
        sa.Column("provider", sa.String(40), primary_key=True),
        sa.Column("batch_id", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
    )
