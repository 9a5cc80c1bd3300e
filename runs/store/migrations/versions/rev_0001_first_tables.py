"""First tables: runs, stages, measurements, candidates, exports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "nasweave_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("space_fingerprint", sa.Text(), nullable=False),
        sa.Column("space_json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nasweave_runs"),
        sa.UniqueConstraint("folder", name="uq_nasweave_runs_folder"),
    )
    op.create_table(
        "nasweave_stages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nasweave_stages"),
        sa.ForeignKeyConstraint(["run_id"], ["nasweave_runs.id"], name="fk_nasweave_stages_run_id", ondelete="CASCADE"),
        sa.UniqueConstraint("run_id", "stage", name="uq_nasweave_stages_run_id_stage"),
    )
    op.create_table(
        "nasweave_measurements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("profile_key", sa.Text(), nullable=False),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nasweave_measurements"),
        sa.UniqueConstraint("profile_key", "subject_key", name="uq_nasweave_measurements_profile_key_subject_key"),
    )
    op.create_table(
        "nasweave_candidates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("architecture_json", sa.Text(), nullable=False),
        sa.Column("objectives", sa.JSON(), nullable=False),
        sa.Column("predicted", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("trial_number", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("final", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nasweave_candidates"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["nasweave_runs.id"], name="fk_nasweave_candidates_run_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("run_id", "key", name="uq_nasweave_candidates_run_id_key"),
        sa.CheckConstraint("state IN ('complete', 'failed')", name=op.f("ck_nasweave_candidates_state")),
    )
    op.create_table(
        "nasweave_exports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_nasweave_exports"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["nasweave_runs.id"], name="fk_nasweave_exports_run_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("run_id", "folder", name="uq_nasweave_exports_run_id_folder"),
    )
    op.create_index("ix_nasweave_exports_run_id_key", "nasweave_exports", ["run_id", "key"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index("ix_nasweave_exports_run_id_key", table_name="nasweave_exports")
    for name in ("exports", "candidates", "measurements", "stages", "runs"):
        op.drop_table(f"nasweave_{name}")
