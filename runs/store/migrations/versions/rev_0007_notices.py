"""What was told of jobs that ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "nasweave_notices",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_s", sa.Double(), nullable=False),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["nasweave_jobs.id"], name="fk_nasweave_notices_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name="pk_nasweave_notices"),
    )
    op.create_index("ix_nasweave_jobs_finished_s", "nasweave_jobs", ["finished_s"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_nasweave_jobs_finished_s", "nasweave_jobs")
    op.drop_table("nasweave_notices")
