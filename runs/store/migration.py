"""Bringing a database to the tables of this version: Alembic, in process, in one transaction.

Optuna's own migrations keep their state in ``alembic_version`` of the same database, so ours is in another table.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import runs.store.service.tables  # noqa: F401 (its tables belong to those that migrations must arrive at)
from runs.store.engine import writing
from runs.store.tables import PREFIX
from search_space.errors import StoreError

__all__ = ["VERSION_TABLE", "migrate", "migration_config"]

VERSION_TABLE = f"{PREFIX}alembic_version"
_FOLDER = Path(__file__).parent / "migrations"
# Any constant will do, as long as no other program takes the same advisory lock.
_LOCK = 0x6E617377


def migration_config(connection: Connection) -> Config:
    """Return the configuration with which ``alembic.command`` works on an open connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine, *, where: str) -> None:
    """Create or upgrade the tables; several processes may do so at once.

    Raises
    ------
    StoreError
        A newer nasweave has already migrated the database ``where`` further.
    """
    with engine.connect() as connection:
        if _is_current(connection, where):
            return
    with writing(engine).begin() as connection:
        # On SQLite BEGIN IMMEDIATE already waits for the other process.
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if not _is_current(connection, where):
            command.upgrade(migration_config(connection), "head")


def _is_current(connection: Connection, where: str) -> bool:
    scripts = ScriptDirectory.from_config(migration_config(connection))
    found = set(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads())
    unknown = found - {script.revision for script in scripts.walk_revisions()}
    if unknown:
        raise StoreError(
            where,
            expected=f"tables of revision {scripts.get_current_head()} or older",
            got=f"revision {', '.join(sorted(unknown))} of a newer nasweave",
            remedy="pip install --upgrade nasweave, or choose another store.url",
        )
    return found == set(scripts.get_heads())
