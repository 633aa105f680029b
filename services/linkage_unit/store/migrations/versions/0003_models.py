"""What each run learnt about its own links."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; waves that were linked before have no model."""
    op.create_table(
        "run_models",
        sa.Column("wave", sa.String(40), primary_key=True),
        sa.Column("model", sa.LargeBinary, nullable=False),
    )
