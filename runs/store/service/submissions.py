"""The runs that a service was asked for: submitted once however often a request is repeated, listed page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.exact import json_object
from runs.store.service.log import append
from runs.store.service.records import ACTIVE, Event, State, Submission
from runs.store.service.tables import EventRow, JobRow, SubmissionRow
from search_space.errors import StoreError

__all__ = ["QuotaError", "RepeatedKeyError", "Submissions"]


class RepeatedKeyError(StoreError):
    """An idempotency key that was used before, for something else."""


class QuotaError(StoreError):
    """More than an owner may have at once."""


class Submissions:
    """The runs of a service in one database."""

    def __init__(self, database: Database) -> None:
        self._database, self._now = database, clock(database._engine)

    def submit(
        self,
        *,
        key: str,
        owner: str,
        name: str,
        task: str,
        document: Mapping[str, Any],
        digest: str,
        folder: str,
        job: Mapping[str, Any],
        idempotency: str | None = None,
        most_active: int | None = None,
    ) -> tuple[Submission, bool]:
        """Store a run with its first job, and return it; False if the same request was made before.

        Parameters
        ----------
        key, owner, name, task, document, digest, folder
            The row.
        job
            Columns of its first job: verb, arguments, needs, is_exclusive.
        idempotency
            What tells a repeated request of the owner.
        most_active
            How many runs of the owner may be queued or running.

        Raises
        ------
        RepeatedKeyError
            The owner used the idempotency key for another document.
        QuotaError
            The owner has as many runs in work as permitted.
        """
        row = {
            "key": key,
            "owner": owner,
            "name": name,
            "task": task,
            "document": json_object(document, parameter="document"),
            "digest": digest,
            "idempotency": idempotency,
            "folder": folder,
            "state": "queued",
            "created_s": self._now,
            "events": 0,
            "is_hidden": False,
        }
        with self._database._write() as session:
            if idempotency is not None:
                again = (SubmissionRow.owner == owner, SubmissionRow.idempotency == idempotency)
                before = session.scalars(select(SubmissionRow).where(*again)).one_or_none()
                if before is not None:
                    return _same(before, digest), False
            if most_active is not None:
                self._check_quota(session, owner, most_active)
            if not self._database._insert_new(session, SubmissionRow, row):  # another process was faster
                before = session.scalars(select(SubmissionRow).where(*again)).one()
                return _same(before, digest), False
            stored = session.scalars(select(SubmissionRow).where(SubmissionRow.key == key)).one()
            add_job(session, stored.id, job, now=self._now)
            append(session, stored.id, "state", {"state": "queued"}, now=self._now)
            session.refresh(stored)
            return record(stored), True

    def get(self, key: str) -> Submission | None:
        """Return a run by its key, unless it is hidden or unknown."""
        return self._one(select(SubmissionRow).where(SubmissionRow.key == key, ~SubmissionRow.is_hidden))

    def by_id(self, number: int) -> Submission:
        """Return a run by the number of its row, which must be there."""
        found = self._one(select(SubmissionRow).where(SubmissionRow.id == number))
        assert found is not None
        return found

    def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        owner: str | None = None,
        states: Sequence[State] = (),
    ) -> list[Submission]:
        """Return at most ``limit`` runs, the newest first, of those older than the row number ``before``."""
        query = select(SubmissionRow).where(~SubmissionRow.is_hidden)
        if before is not None:
            query = query.where(SubmissionRow.id < before)
        if owner is not None:
            query = query.where(SubmissionRow.owner == owner)
        if states:
            query = query.where(SubmissionRow.state.in_(states))
        with self._database._read() as session:
            return [record(row) for row in session.scalars(query.order_by(SubmissionRow.id.desc()).limit(limit))]

    def counts(self) -> dict[str, int]:
        """Return how many runs are in each state."""
        query = select(SubmissionRow.state, func.count()).where(~SubmissionRow.is_hidden)
        with self._database._read() as session:
            return {state: number for state, number in session.execute(query.group_by(SubmissionRow.state))}

    def hide(self, key: str) -> bool:
        """Take a run that is not in work out of all lists; False if it is in work."""
        change = update(SubmissionRow).where(SubmissionRow.key == key, SubmissionRow.state.not_in(ACTIVE))
        with self._database._write() as session:
            return session.scalar(change.values(is_hidden=True).returning(SubmissionRow.id)) is not None

    def rename(self, key: str, name: str) -> None:
        """Give a run another name to be shown; its folder stays."""
        with self._database._write() as session:
            session.execute(update(SubmissionRow).where(SubmissionRow.key == key).values(name=name))

    def events(self, number: int, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return at most ``limit`` events of the run in row ``number`` that follow event ``after``, in order."""
        query = select(EventRow).where(EventRow.submission_id == number, EventRow.number > after)
        with self._database._read() as session:
            return [
                Event(number=row.number, time_s=row.time_s, kind=row.kind, data=row.data)
                for row in session.scalars(query.order_by(EventRow.number).limit(limit))
            ]

    def tell(self, number: int, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event to the run in row ``number``."""
        with self._database._write() as session:
            append(session, number, kind, data, now=self._now)

    def _one(self, query: Select[Any]) -> Submission | None:
        with self._database._read() as session:
            row = session.scalars(query).one_or_none()
            return None if row is None else record(row)

    def _check_quota(self, session: Session, owner: str, most: int) -> None:
        query = select(func.count()).where(SubmissionRow.owner == owner, SubmissionRow.state.in_(ACTIVE))
        active = session.scalar(query) or 0
        if active >= most:
            raise QuotaError(
                "runs",
                expected=f"at most {most} runs of {owner} queued or running",
                got=f"{active} already",
                remedy="wait for one to end, or stop one",
            )


def record(row: SubmissionRow) -> Submission:
    """Return a row as a value."""
    return Submission(**{name: getattr(row, name) for name in Submission.__slots__})


def add_job(session: Session, submission_id: int, job: Mapping[str, Any], *, now: Any) -> int:
    """Queue a job of a run, and return its number."""
    row = JobRow(
        submission_id=submission_id,
        verb=job["verb"],
        arguments=json_object(job.get("arguments", {}), parameter="arguments"),
        needs=json_object(job.get("needs", {}), parameter="needs"),
        is_exclusive=job.get("is_exclusive", True),
        state="queued",
        wants_stop=False,
        attempt=0,
        created_s=now,
        reason={},
        refusals={},
    )
    session.add(row)
    session.flush()
    return row.id


def _same(before: SubmissionRow, digest: str) -> Submission:
    if before.digest != digest:
        raise RepeatedKeyError(
            "Idempotency-Key",
            expected="a key that was not used before, or the same configuration",
            got=f"the key of run {before.key}, which has another configuration",
            remedy="choose another key",
        )
    return record(before)
