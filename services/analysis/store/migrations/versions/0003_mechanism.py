"""The mechanism of tables that no rho covers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the ledger; what was released before was all with noise, and the hashes still fit."""
    with op.batch_alter_table("ledger") as ledger:
        ledger.add_column(sa.Column("mechanism", sa.String(60), nullable=False, server_default=""))
