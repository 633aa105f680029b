"""Idempotency keys of questions, and increases of the budget."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the ledger; charges made before have no key, and their hashes still fit."""
    with op.batch_alter_table("ledger") as ledger:
        ledger.alter_column("kind", existing_type=sa.String(8), type_=sa.String(9), existing_nullable=False)
        ledger.add_column(sa.Column("idempotency_key", sa.String(64), nullable=False, server_default=""))
        ledger.add_column(sa.Column("cap", sa.String(60), nullable=False, server_default=""))
    op.create_table(
        "increases",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("lineage", sa.String(32), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
