"""Who works on a search: workers join it, show by heartbeats that they live, and leave.

Only the database's clock dates and compares heartbeats: the hosts' clocks may differ. After an outage of the database
every heartbeat is old; a worker therefore takes over only when its own have been regular for a grace period.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, case, delete, or_, select, update
from sqlalchemy.orm import Session

from runs.store.engine import clock
from runs.store.exact import json_object
from runs.store.repository import Store
from runs.store.tables import RunRow
from runs.store.worker_tables import ClaimRow, WorkerRow
from search_space.errors import StoreError

__all__ = ["Membership"]


class Membership:
    """A process among the workers of one run.

    Parameters
    ----------
    store, run_id
        The store and its run.
    worker
        A name that no other process has or had.
    grace_s
        Seconds without a heartbeat after which a worker counts as dead.
    """

    def __init__(self, store: Store, *, run_id: int, worker: str, grace_s: float) -> None:
        self._store, self._run_id, self.worker, self.grace_s = store, run_id, worker, grace_s
        self._now = clock(store._engine)

    def join(self, identity: Mapping[str, object]) -> None:
        """Become one of the run's workers.

        Parameters
        ----------
        identity
            What must be the same in all of them, by name: the space, the versions of code and checkpoint.

        Raises
        ------
        StoreError
            A living worker has another identity; the line says what differs.
        """
        mine = json_object(identity, parameter="identity")
        with self._store._write() as session:
            self._lock(session)
            others = session.execute(
                select(WorkerRow.name, WorkerRow.identity)
                .where(WorkerRow.run_id == self._run_id, WorkerRow.name != self.worker, ~self._dead())
                .order_by(WorkerRow.id)
            ).all()
            for name, others_identity in others:
                for key in sorted({*others_identity, *mine}):
                    theirs, ours = others_identity.get(key), mine.get(key)
                    if theirs != ours:
                        raise StoreError(
                            f"worker {self.worker}",
                            expected=f"the {key} of worker {name} ({theirs})",
                            got=str(ours),
                            remedy=f"give all workers the same {key}, or wait until the others have ended",
                        )
            if session.scalar(select(WorkerRow.id).where(WorkerRow.name == self.worker)) is None:
                session.execute(
                    self._store._insert(WorkerRow).values(
                        run_id=self._run_id,
                        name=self.worker,
                        identity=mine,
                        joined_s=self._now,
                        alive_since_s=self._now,
                        heartbeat_s=self._now,
                        has_left=False,
                    )
                )

    def beat(self) -> None:
        """Show that this worker lives."""
        with self._store._write() as session:
            self._beat(session)

    def leave(self) -> None:
        """End this worker; what it has not finished may be taken over at once."""
        with self._store._write() as session:
            mine = (*self._running(), ClaimRow.worker == self.worker)
            session.execute(delete(ClaimRow).where(*mine, ClaimRow.key.is_(None)))
            # To leave is not to fail: the next worker's attempt counts as this one.
            session.execute(update(ClaimRow).where(*mine).values(attempt=ClaimRow.attempt - 1))
            session.execute(update(WorkerRow).where(WorkerRow.name == self.worker).values(has_left=True))

    def workers(self) -> list[str]:
        """Return the names of the living workers, the first to join first."""
        query = select(WorkerRow.name).where(WorkerRow.run_id == self._run_id, ~self._dead()).order_by(WorkerRow.id)
        with self._store._read() as session:
            return list(session.scalars(query))

    def _beat(self, session: Session) -> None:
        silent = self._now - WorkerRow.heartbeat_s > self.grace_s
        regular = case((silent, self._now), else_=WorkerRow.alive_since_s)
        mine = update(WorkerRow).where(WorkerRow.name == self.worker)
        session.execute(mine.values(alive_since_s=regular, heartbeat_s=self._now))

    def _dead(self) -> ColumnElement[bool]:
        return or_(WorkerRow.has_left, self._now - WorkerRow.heartbeat_s > self.grace_s)

    def _takeable(self) -> ColumnElement[bool]:
        since = select(WorkerRow.alive_since_s).where(WorkerRow.name == self.worker).scalar_subquery()
        silent = self._now - WorkerRow.heartbeat_s > self.grace_s
        return or_(WorkerRow.has_left, silent & (self._now - since > self.grace_s))

    def _running(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return ClaimRow.run_id == self._run_id, ClaimRow.state == "running"

    def _lock(self, session: Session) -> None:
        """One worker at a time from here to the end of the transaction; SQLite's began with this."""
        session.execute(select(RunRow.id).where(RunRow.id == self._run_id).with_for_update())
