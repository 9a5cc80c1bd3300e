"""What is told of jobs that ended: each to be sent once, however many servers there are, and tried a few times.

A try is counted before it is made, so a server that dies in the middle repeats no more than that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.service.records import WORKER, State
from runs.store.service.tables import JobRow, NoticeRow, SubmissionRow

__all__ = ["DELAYS_S", "Notice", "Notices"]

DELAYS_S = (10.0, 60.0, 300.0, 1500.0)
"""Seconds after each try at which the next one is due; there is one try more."""

_OLDEST_S = 3600.0
_MOST_TRIES = len(DELAYS_S) + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A job that ended, of the run ``key``; ``tries`` counts this one too, and ``is_last`` if it fails."""

    job: int
    key: str
    name: str
    owner: str
    task: str
    verb: str
    state: State
    reason: dict[str, Any]
    finished_s: float
    tries: int

    @property
    def is_last(self) -> bool:
        """Whether there is no further try."""
        return self.tries >= _MOST_TRIES


class Notices:
    """The notices of a service in one database."""

    def __init__(self, database: Database) -> None:
        self._database, self._now = database, clock(database._engine)

    def take(self) -> Notice | None:
        """Return what is due for a try, the oldest first, and count that; what ended over an hour ago is left."""
        tries = func.coalesce(NoticeRow.tries, 0)
        query = select(JobRow, SubmissionRow, tries).join_from(JobRow, SubmissionRow)
        query = query.outerjoin(NoticeRow, NoticeRow.job_id == JobRow.id).where(
            JobRow.finished_s > self._now - _OLDEST_S,
            JobRow.state.in_(("done", "failed", "stopped")),
            JobRow.verb != WORKER,
            or_(NoticeRow.job_id.is_(None), self._is_due()),
        )
        with self._database._write() as session:
            for job, run, before in session.execute(query.order_by(JobRow.finished_s).limit(10)).all():
                delay = DELAYS_S[min(before, len(DELAYS_S) - 1)]
                new = {"tries": before + 1, "due_s": self._now + delay}
                insert = self._database._insert(NoticeRow).values(job_id=job.id, is_sent=False, **new)
                taken = insert.on_conflict_do_update(
                    index_elements=["job_id"], set_=new, where=NoticeRow.tries == before
                )
                if session.scalar(taken.returning(NoticeRow.tries)) is None:  # another server was faster
                    continue
                assert job.finished_s is not None
                return Notice(
                    job=job.id,
                    key=run.key,
                    name=run.name,
                    owner=run.owner,
                    task=run.task,
                    verb=job.verb,
                    state=job.state,
                    reason=job.reason,
                    finished_s=job.finished_s,
                    tries=before + 1,
                )
        return None

    def sent(self, job: int) -> None:
        """Note that the notice of a job has arrived."""
        with self._database._write() as session:
            session.execute(update(NoticeRow).where(NoticeRow.job_id == job).values(is_sent=True))

    def given_up(self) -> int:
        """Return how many notices never arrived."""
        query = select(func.count()).where(~NoticeRow.is_sent, NoticeRow.tries >= _MOST_TRIES)
        with self._database._read() as session:
            return session.scalar(query) or 0

    def _is_due(self) -> ColumnElement[bool]:
        return ~NoticeRow.is_sent & (NoticeRow.tries < _MOST_TRIES) & (NoticeRow.due_s <= self._now)
