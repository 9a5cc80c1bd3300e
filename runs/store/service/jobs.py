"""Jobs: claimed by runners, kept alive by heartbeats of the process that does them, put back when it falls silent.

A job's ``attempt`` counts the processes that were given it. Each names its attempt with every write, so one that was
taken for dead and is not can change nothing any more, and learns from its next heartbeat that it has to end. Claims are
made one at a time, over all runners, so that one host's measurements never run beside another job of that host.

A search that several processes share is one job of many: the job of the run queues those of its workers when they can
join, and alone decides the state of the run. When it ends, they are asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.exact import json_object
from runs.store.service.log import append
from runs.store.service.records import ACTIVE, WORKER, Job, State
from runs.store.service.submissions import add_job
from runs.store.service.tables import JobRow, RunnerRow, SubmissionRow
from runs.store.service.turns import Turns, in_turn, queued_in_turn

__all__ = ["GRACE_S", "MOST_ATTEMPTS", "Jobs", "Order"]

GRACE_S = 15.0
"""Seconds without a heartbeat after which a job, or a runner, counts as dead."""

MOST_ATTEMPTS = 3
Order = Literal["go on", "stop", "leave"]
# Any constant will do, as long as no other program takes the same advisory lock.
_CLAIMS = 0x6E61736A


class Jobs:
    """The jobs of a service in one database."""

    def __init__(self, database: Database, *, grace_s: float = GRACE_S) -> None:
        self._database, self._now, self._grace_s = database, clock(database._engine), grace_s

    def of(self, submission_id: int) -> list[Job]:
        """Return the jobs of a run, the oldest first."""
        query = select(JobRow).where(JobRow.submission_id == submission_id).order_by(JobRow.id)
        with self._database._read() as session:
            return [_record(row) for row in session.scalars(query)]

    def active(self) -> list[Job]:
        """Return all jobs that wait or run, the oldest first."""
        with self._database._read() as session:
            query = select(JobRow).where(JobRow.state.in_(ACTIVE)).order_by(JobRow.id)
            return [_record(row) for row in session.scalars(query)]

    def waiting(self) -> list[int]:
        """Return the runs whose jobs wait, by their rows, in the order in which they will begin; no workers."""
        query = select(SubmissionRow.owner, JobRow.id, SubmissionRow.id).join_from(SubmissionRow, JobRow)
        query = query.where(JobRow.state == "queued", JobRow.verb != WORKER)
        with self._database._read() as session:
            found = {job: (owner, run) for owner, job, run in session.execute(query)}
            turns = Turns.read(session, {owner for owner, _ in found.values()})
        return [found[job][1] for job in in_turn([(owner, job) for job, (owner, _) in found.items()], turns)]

    def get(self, number: int) -> Job | None:
        """Return a job by its number."""
        with self._database._read() as session:
            row = session.get(JobRow, number)
            return None if row is None else _record(row)

    def add(self, submission_id: int, job: Mapping[str, Any], *, only_from: tuple[State, ...]) -> bool:
        """Queue a further job of a run; False unless the run is in one of the states ``only_from``."""
        lock = select(SubmissionRow).where(SubmissionRow.id == submission_id).with_for_update()
        with self._database._write() as session:
            run = session.scalars(lock).one()
            if run.state not in only_from:
                return False
            add_job(session, submission_id, job, now=self._now)
            self._set_run(session, submission_id, "queued", {"verb": job["verb"]})
            return True

    def share(self, number: int, attempt: int, job: Mapping[str, Any], *, workers: int) -> None:
        """Queue jobs of workers beside an attempt that searches, until so many of its run wait or run."""
        with self._database._write() as session:
            self._lock(session)
            main = session.get(JobRow, number)
            if main is None or main.state != "running" or main.attempt != attempt or main.wants_stop:
                return
            there = len(self._workers(session, main.submission_id))
            for _ in range(there, workers):
                add_job(session, main.submission_id, {**job, "verb": WORKER, "is_exclusive": False}, now=self._now)

    def stop(self, submission_id: int) -> bool:
        """Ask the jobs of a run to end: those that wait are stopped at once. False if none was in work."""
        query = select(JobRow).where(JobRow.submission_id == submission_id, JobRow.state.in_(ACTIVE))
        with self._database._write() as session:
            self._lock(session)
            rows = list(session.scalars(query.with_for_update()))
            for row in rows:
                row.wants_stop = True
                if row.state == "queued":
                    self._end(session, row, "stopped", {})
            if any(row.state == "running" for row in rows):
                append(session, submission_id, "stopping", {}, now=self._now)
            return bool(rows)

    def claim(self, *, runner: str, host: str, lacks: Callable[[Job], str | None]) -> Job | None:
        """Give a runner the next job that its host lacks nothing and has room for, or ``None``.

        Owners have their turns, see :mod:`runs.store.service.turns`. A job that measures waits until its host is free,
        and nothing overtakes it there. The workers of a run wait neither for each other nor for the job whose search
        they share: it measures before and after the search. What the host lacks for a job is kept with that.
        """
        with self._database._write() as session:
            self._lock(session)
            here = list(session.scalars(select(JobRow).where(JobRow.state == "running", JobRow.host == host)))
            for row in queued_in_turn(session):
                lacking = lacks(_record(row))
                if row.refusals.get(host) != lacking:
                    others = {name: one for name, one in row.refusals.items() if name != host}
                    row.refusals = others if lacking is None else {**others, host: lacking}
                beside = [other for other in here if not _share_a_search(row, other)]
                if lacking is not None or any(other.is_exclusive for other in beside):
                    continue
                if row.is_exclusive and beside:
                    return None
                row.state, row.runner, row.host, row.process = "running", runner, host, None
                row.attempt, row.started_s, row.heartbeat_s = row.attempt + 1, self._now, self._now
                row.refusals = {}
                session.flush()
                self._told(session, row, "running", {"runner": runner})
                session.refresh(row)
                return _record(row)
            return None

    def beat(self, number: int, attempt: int, *, process: int | None = None) -> Order:
        """Show that the process of an attempt lives; returns what it has to do."""
        mine = (JobRow.id == number, JobRow.attempt == attempt, JobRow.state == "running")
        change = update(JobRow).where(*mine).values(heartbeat_s=self._now)
        if process is not None:
            change = change.values(process=process)
        with self._database._write() as session:
            wants_stop = session.scalar(change.returning(JobRow.wants_stop))
        if wants_stop is None:
            return "leave"
        return "stop" if wants_stop else "go on"

    def finish(self, number: int, attempt: int, state: State, reason: Mapping[str, Any] | None = None) -> bool:
        """End an attempt; with the state ``queued`` the job is put back. False if it is another's by now."""
        with self._database._write() as session:
            self._lock(session)
            row = session.get(JobRow, number)
            if row is None or row.state != "running" or row.attempt != attempt:
                return False
            self._end(session, row, state, reason or {})
            return True

    def died(self, number: int, attempt: int, *, how: str) -> bool:
        """Note that the process of an attempt is gone: the job is put back, or has failed for good."""
        with self._database._write() as session:
            self._lock(session)
            row = session.get(JobRow, number)
            if row is None or row.state != "running" or row.attempt != attempt:
                return False
            self._put_back(session, row, how)
            return True

    def silent(self, runner: str) -> list[Job]:
        """Return the running jobs without a heartbeat for longer than the grace period.

        None are returned while the heartbeats of ``runner``, who asks, were not regular for as long: after an outage of
        the database all heartbeats are old.
        """
        regular = select(RunnerRow.id).where(
            RunnerRow.name == runner, self._now - RunnerRow.alive_since_s > self._grace_s
        )
        query = select(JobRow).where(JobRow.state == "running", self._now - JobRow.heartbeat_s > self._grace_s)
        with self._database._read() as session:
            if session.scalar(regular) is None:
                return []
            return [_record(row) for row in session.scalars(query)]

    def _put_back(self, session: Session, row: JobRow, how: str) -> None:
        if row.wants_stop:
            self._end(session, row, "stopped", {})
        elif row.attempt >= MOST_ATTEMPTS:
            reason = {
                "parameter": f"job {row.id}",
                "expected": "a process that lives until the job is done",
                "got": f"{row.attempt} that ended early ({how})",
                "remedy": "read the log of the run; is there enough memory? resume continues where it stopped",
            }
            self._end(session, row, "failed", reason)
        else:
            self._end(session, row, "queued", {"how": how})

    def _end(self, session: Session, row: JobRow, state: State, reason: Mapping[str, Any]) -> None:
        row.state, row.reason = state, json_object(reason, parameter="reason")
        if state == "queued":
            row.runner = row.host = row.process = row.heartbeat_s = None
        else:
            row.finished_s = self._now
        session.flush()
        self._told(session, row, state, {"reason": dict(reason)} if reason else {})
        if state != "queued" and row.verb != WORKER:
            for worker in self._workers(session, row.submission_id):
                worker.wants_stop = True
                if worker.state == "queued":
                    self._end(session, worker, "stopped", {})

    def _workers(self, session: Session, submission_id: int) -> list[JobRow]:
        """Return the jobs of a run's workers that wait or run."""
        mine = (JobRow.submission_id == submission_id, JobRow.verb == WORKER, JobRow.state.in_(ACTIVE))
        return list(session.scalars(select(JobRow).where(*mine)))

    def _told(self, session: Session, row: JobRow, state: State, more: Mapping[str, Any]) -> None:
        """Tell of a job's new state, which is that of its run unless it is a worker's."""
        told = {"verb": row.verb, "attempt": row.attempt, **more}
        if row.verb != WORKER:
            self._set_run(session, row.submission_id, state, told)
            return
        where = f" on runner {more['runner']}" if "runner" in more else ""
        text_ = f"worker, job {row.id}: {state}{where}" + (f" ({more['reason']})" if more.get("reason") else "")
        append(session, row.submission_id, "message", {"text": text_}, now=self._now)

    def _set_run(self, session: Session, submission_id: int, state: State, told: Mapping[str, Any]) -> None:
        """Give the run the state of its last job; a failed export leaves a finished run finished."""
        shown = state
        if state in ("failed", "stopped"):
            jobs = select(JobRow.id).where(
                JobRow.submission_id == submission_id, JobRow.verb == "run", JobRow.state == "done"
            )
            shown = "done" if session.scalar(jobs.limit(1)) is not None else state
        session.execute(update(SubmissionRow).where(SubmissionRow.id == submission_id).values(state=shown))
        append(session, submission_id, "state", {"state": shown, "job": state, **told}, now=self._now)

    def _lock(self, session: Session) -> None:
        """One change of states at a time from here to the end of the transaction; SQLite's began with this."""
        if self._database._engine.dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CLAIMS})


def _share_a_search(one: JobRow, other: JobRow) -> bool:
    """Whether two jobs are a run's and its worker's, or two of its workers'."""
    verbs = {one.verb, other.verb}
    return one.submission_id == other.submission_id and WORKER in verbs and verbs <= {WORKER, "run"}


def _record(row: JobRow) -> Job:
    return Job(**{name: getattr(row, name) for name in Job.__slots__})
