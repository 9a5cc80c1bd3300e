"""Data sets that users have uploaded: whose they are, and how large."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what is there was registered by an administrator."""
    op.add_column("nasweave_datasets", sa.Column("owner", sa.Text(), nullable=True))
    op.add_column("nasweave_datasets", sa.Column("size_bytes", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("nasweave_datasets", "size_bytes")
    op.drop_column("nasweave_datasets", "owner")
