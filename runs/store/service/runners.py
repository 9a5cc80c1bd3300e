"""The runners of a service: they join, show by heartbeats that they live, drain and leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import case, delete, select, update

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.exact import json_object
from runs.store.service.jobs import GRACE_S
from runs.store.service.records import Runner
from runs.store.service.tables import RunnerRow

__all__ = ["Runners"]


class Runners:
    """The runners of a service in one database."""

    def __init__(self, database: Database, *, grace_s: float = GRACE_S) -> None:
        self._database, self._now, self._grace_s = database, clock(database._engine), grace_s

    def join(self, name: str, *, host: str, abilities: Mapping[str, Any]) -> None:
        """Become one of the runners; rows of those that left or fell silent long ago go."""
        new = {
            "host": host,
            "abilities": json_object(abilities, parameter="abilities"),
            "joined_s": self._now,
            "alive_since_s": self._now,
            "heartbeat_s": self._now,
            "is_draining": False,
            "has_left": False,
        }
        old = self._now - RunnerRow.heartbeat_s > 100 * self._grace_s
        insert = self._database._insert(RunnerRow).values(name=name, **new)
        with self._database._write() as session:
            session.execute(delete(RunnerRow).where(old | RunnerRow.has_left))
            session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new))

    def beat(self, name: str) -> bool:
        """Show that a runner lives; returns whether it has to drain: finish its jobs, take no more, and end."""
        silent = self._now - RunnerRow.heartbeat_s > self._grace_s
        regular = case((silent, self._now), else_=RunnerRow.alive_since_s)
        change = update(RunnerRow).where(RunnerRow.name == name).values(alive_since_s=regular, heartbeat_s=self._now)
        with self._database._write() as session:
            return bool(session.scalar(change.returning(RunnerRow.is_draining)))

    def leave(self, name: str) -> None:
        """End a runner; jobs that it started go on."""
        with self._database._write() as session:
            session.execute(update(RunnerRow).where(RunnerRow.name == name).values(has_left=True))

    def drain(self, name: str) -> bool:
        """Ask a runner to take no more jobs; False if there is none of this name."""
        change = update(RunnerRow).where(RunnerRow.name == name, ~RunnerRow.has_left).values(is_draining=True)
        with self._database._write() as session:
            return session.scalar(change.returning(RunnerRow.id)) is not None

    def living(self) -> list[Runner]:
        """Return the runners whose last heartbeat is younger than the grace period, by name."""
        silent = (self._now - RunnerRow.heartbeat_s).label("silent_s")
        query = select(RunnerRow, silent).where(~RunnerRow.has_left, silent <= self._grace_s).order_by(RunnerRow.name)
        with self._database._read() as session:
            return [
                Runner(
                    name=row.name,
                    host=row.host,
                    abilities=row.abilities,
                    silent_s=seconds,
                    is_draining=row.is_draining,
                )
                for row, seconds in session.execute(query)
            ]
