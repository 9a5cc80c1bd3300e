"""A service: what was asked for, who works on it, who may do what; and a number for each change of a candidate."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATES = "state IN ('queued', 'running', 'done', 'failed', 'stopped')"


def _table(name: str, *parts: sa.Column[Any] | sa.Constraint) -> None:
    id_column: sa.Column[Any] = sa.Column("id", sa.Integer(), nullable=False)
    op.create_table(f"nasweave_{name}", id_column, *parts, sa.PrimaryKeyConstraint("id", name=f"pk_nasweave_{name}"))


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _of_submission(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["submission_id"],
        ["nasweave_submissions.id"],
        name=f"fk_nasweave_{table}_submission_id",
        ondelete="CASCADE",
    )


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_nasweave_{table}_{'_'.join(columns)}")


def upgrade() -> None:
    """Create the tables, and number the candidates that are there."""
    _table(
        "submissions",
        *(_column(name, sa.Text()) for name in ("key", "owner", "name", "task")),
        _column("document", sa.JSON()),
        _column("digest", sa.Text()),
        _column("idempotency", sa.Text(), nullable=True),
        _column("folder", sa.Text()),
        _column("state", sa.Text()),
        _column("created_s", sa.Double()),
        _column("events", sa.Integer()),
        _column("is_hidden", sa.Boolean()),
        _unique("submissions", "key"),
        _unique("submissions", "owner", "idempotency"),
        sa.CheckConstraint(_STATES, name=op.f("ck_nasweave_submissions_state")),
    )
    op.create_index("ix_nasweave_submissions_state", "nasweave_submissions", ["state"])
    op.create_index("ix_nasweave_submissions_folder", "nasweave_submissions", ["folder"])
    _table(
        "jobs",
        _column("submission_id", sa.Integer()),
        _column("verb", sa.Text()),
        _column("arguments", sa.JSON()),
        _column("needs", sa.JSON()),
        _column("is_exclusive", sa.Boolean()),
        _column("state", sa.Text()),
        _column("wants_stop", sa.Boolean()),
        _column("attempt", sa.Integer()),
        _column("runner", sa.Text(), nullable=True),
        _column("host", sa.Text(), nullable=True),
        _column("process", sa.Integer(), nullable=True),
        _column("created_s", sa.Double()),
        *(_column(name, sa.Double(), nullable=True) for name in ("started_s", "heartbeat_s", "finished_s")),
        _column("reason", sa.JSON()),
        _of_submission("jobs"),
        sa.CheckConstraint(_STATES, name=op.f("ck_nasweave_jobs_state")),
    )
    op.create_index("ix_nasweave_jobs_state", "nasweave_jobs", ["state"])
    op.create_index("ix_nasweave_jobs_submission_id", "nasweave_jobs", ["submission_id"])
    _table(
        "events",
        _column("submission_id", sa.Integer()),
        _column("number", sa.Integer()),
        _column("time_s", sa.Double()),
        _column("kind", sa.Text()),
        _column("data", sa.JSON()),
        _of_submission("events"),
        _unique("events", "submission_id", "number"),
    )
    _table(
        "runners",
        _column("name", sa.Text()),
        _column("host", sa.Text()),
        _column("abilities", sa.JSON()),
        *(_column(name, sa.Double()) for name in ("joined_s", "alive_since_s", "heartbeat_s")),
        _column("is_draining", sa.Boolean()),
        _column("has_left", sa.Boolean()),
        _unique("runners", "name"),
    )
    _table(
        "tokens",
        *(_column(name, sa.Text()) for name in ("hash", "kind", "owner")),
        _column("scopes", sa.JSON()),
        _column("created_s", sa.Double()),
        _column("expires_s", sa.Double()),
        _unique("tokens", "hash"),
        sa.CheckConstraint("kind IN ('token', 'session', 'link')", name=op.f("ck_nasweave_tokens_kind")),
    )
    _table(
        "datasets",
        _column("name", sa.Text()),
        _column("task", sa.Text()),
        _column("options", sa.JSON()),
        _column("created_s", sa.Double()),
        _unique("datasets", "name"),
    )
    op.add_column("nasweave_runs", sa.Column("changes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("nasweave_candidates", sa.Column("change", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE nasweave_candidates SET change = id")
    op.execute(
        "UPDATE nasweave_runs SET changes = "
        "COALESCE((SELECT MAX(id) FROM nasweave_candidates WHERE run_id = nasweave_runs.id), 0)"
    )
    op.create_index("ix_nasweave_candidates_run_id_change", "nasweave_candidates", ["run_id", "change"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_nasweave_candidates_run_id_change", table_name="nasweave_candidates")
    op.drop_column("nasweave_candidates", "change")
    op.drop_column("nasweave_runs", "changes")
    for table in ("datasets", "tokens", "runners", "events", "jobs", "submissions"):
        op.drop_table(f"nasweave_{table}")
