"""Where Alembic starts: runs the migrations on the connection that ``runs.store.migration`` opened."""

from __future__ import annotations

from alembic import context

from runs.store.migration import VERSION_TABLE
from runs.store.tables import Base


def run_migrations() -> None:
    """Run the migrations inside the caller's transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        version_table=VERSION_TABLE,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic executes this file under a name of its own; merely importing it must do nothing.
if __name__ != "runs.store.migrations.env":
    run_migrations()
