"""History of the registry: events, and which encodings of it are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; waves that were linked before have no events."""
    op.create_table(
        "events",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("group_id", sa.LargeBinary(16), nullable=False),
        sa.Column("into_group", sa.LargeBinary(16)),
        sa.Column("provider", sa.String(40)),
        sa.Column("handle", sa.LargeBinary(16)),
    )
    op.create_table(
        "registry_encodings",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("provider", sa.String(40), primary_key=True),
        sa.Column("snapshot", sa.LargeBinary(16), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
    )
