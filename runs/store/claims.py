"""Who evaluates what: the claims of the workers that share one search, so that no network is evaluated twice or lost.

A worker reserves a place, asks the study for a network, and takes the network by its key; each step is a transaction
that locks the run's row, so two workers never take one network and never start more than were asked for. What a worker
left that is silent for longer than the grace period may be taken over, by one other
(:class:`runs.store.membership.Membership` knows who lives).

Every method may be repeated when its answer was lost with the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from runs.store.exact import json_object
from runs.store.membership import Membership
from runs.store.records import Claim, ClaimCounts, ClaimState
from runs.store.worker_tables import ClaimRow, WorkerRow

__all__ = ["Claims"]

_ROWS_A_STATEMENT = 1000


class Claims(Membership):
    """The claims of one run, as one of its workers sees them.

    It is made as :class:`~runs.store.membership.Membership` is.
    """

    def counts(self) -> ClaimCounts:
        """Return how many networks are in work, done and failed."""
        with self._store._read() as session:
            return self._counts(session)

    def running(self) -> list[Claim]:
        """Return what all workers have in work and the places that they hold, the oldest first."""
        with self._store._read() as session:
            return [
                row.record() for row in session.scalars(select(ClaimRow).where(*self._running()).order_by(ClaimRow.id))
            ]

    def reserve(self, total: int) -> Claim | None:
        """Hold a place for one more network, or return ``None`` while ``total`` are done or in work."""
        with self._store._write() as session:
            self._lock(session)
            mine = (*self._running(), ClaimRow.worker == self.worker, ClaimRow.key.is_(None))
            held = session.scalars(select(ClaimRow).where(*mine)).first()
            if held is not None:
                return held.record()
            counts = self._counts(session)
            if counts.running + counts.complete >= total:
                return None
            row = ClaimRow(
                run_id=self._run_id,
                worker=self.worker,
                key=None,
                trial_number=None,
                state="running",
                attempt=1,
                reason="",
            )
            session.add(row)
            session.flush()
            return row.record()

    def take(
        self,
        place: Claim,
        *,
        key: str,
        trial_number: int | None = None,
        work: Mapping[str, object] | None = None,
        excludes: Callable[[Claim], bool] = lambda running: False,
    ) -> Claim:
        """Claim the network ``key`` for a reserved place.

        Parameters
        ----------
        place, key, trial_number
            The place, the network, and its trial where it has one already.
        work
            What whoever takes the claim over must know.
        excludes
            Whether a claim that is in work forbids this one for now.

        Returns
        -------
        Claim
            This worker's, or the earlier one of the same network, of whatever worker and state, or a running one that
            forbids it; then the place is still reserved.

        Raises
        ------
        LookupError
            The place is no longer this worker's: it was silent for too long.
        """
        with self._store._write() as session:
            self._lock(session)
            taken = session.scalars(
                select(ClaimRow).where(ClaimRow.run_id == self._run_id, ClaimRow.key == key)
            ).first()
            if taken is not None:
                return taken.record()
            running = select(ClaimRow).where(*self._running(), ClaimRow.key.is_not(None)).order_by(ClaimRow.id)
            for other in (found.record() for found in session.scalars(running)):
                if excludes(other):
                    return other
            row = session.get(ClaimRow, place.id)
            if row is None or row.worker != self.worker:
                raise LookupError("the place was given to another worker")
            row.key, row.trial_number = key, trial_number
            row.work = None if work is None else json_object(work, parameter="work")
            session.flush()
            return row.record()

    def release(self, place: Claim) -> None:
        """Give back a place that no network was taken for."""
        with self._store._write() as session:
            mine = (ClaimRow.id == place.id, ClaimRow.worker == self.worker, ClaimRow.key.is_(None))
            session.execute(delete(ClaimRow).where(*mine))

    def is_mine(self, claim: Claim) -> bool:
        """Whether no other worker has taken the claim over."""
        with self._store._read() as session:
            return session.scalar(select(ClaimRow.worker).where(ClaimRow.id == claim.id)) == self.worker

    def finish(self, claim: Claim, state: ClaimState, *, reason: str = "") -> bool:
        """End a claim; False, and nothing changes, if another worker has taken it over."""
        mine = update(ClaimRow).where(ClaimRow.id == claim.id, ClaimRow.worker == self.worker)
        with self._store._write() as session:
            done = session.execute(mine.values(state=state, reason=reason).returning(ClaimRow.id))
            return done.first() is not None

    def adopt(self, finished: Iterable[tuple[str, int, ClaimState]]) -> None:
        """Note networks ``(key, trial number, state)`` that were finished without claims; those known stay."""
        rows = [
            {
                "run_id": self._run_id,
                "worker": self.worker,
                "key": key,
                "trial_number": number,
                "state": state,
                "attempt": 1,
                "reason": "",
            }
            for key, number, state in finished
        ]
        with self._store._write() as session:
            for i in range(0, len(rows), _ROWS_A_STATEMENT):
                insert = self._store._insert(ClaimRow).values(rows[i : i + _ROWS_A_STATEMENT])
                session.execute(insert.on_conflict_do_nothing())

    def abandoned(self) -> list[Claim]:
        """Return what dead workers left unfinished and this worker may take over, the oldest first."""
        dead = select(WorkerRow.name).where(WorkerRow.run_id == self._run_id, self._takeable())
        with self._store._write() as session:
            self._beat(session)
            query = select(ClaimRow).where(*self._running(), ClaimRow.worker.in_(dead)).order_by(ClaimRow.id)
            return [row.record() for row in session.scalars(query)]

    def take_over(self, claim: Claim) -> Claim | None:
        """Make an abandoned claim this worker's, for one more attempt; ``None`` if it is not to be had any more.

        A place without a network is dissolved.
        """
        still = select(WorkerRow.name).where(WorkerRow.name == claim.worker, self._takeable())
        with self._store._write() as session:
            self._lock(session)
            row = session.get(ClaimRow, claim.id)
            if row is None or row.state != "running":
                return None
            if row.worker == self.worker:  # taken, but the answer was lost
                return row.record()
            if row.worker != claim.worker or session.scalar(still) is None:
                return None
            if row.key is None:
                session.delete(row)
                return None
            row.worker, row.attempt = self.worker, row.attempt + 1
            session.flush()
            return row.record()

    def unclaimed(self, running: Iterable[int]) -> list[int]:
        """Return those of ``running`` trial numbers, read before, that no worker has taken or can still take.

        While somebody holds a place, a trial without a claim may be the one it is about to take: then there are none.
        """
        numbers = list(running)
        query = select(ClaimRow.trial_number).where(
            ClaimRow.run_id == self._run_id,
            or_(ClaimRow.trial_number.in_(numbers), (ClaimRow.state == "running") & ClaimRow.key.is_(None)),
        )
        with self._store._read() as session:
            taken = set(session.scalars(query))
        return [] if None in taken else [number for number in numbers if number not in taken]

    def _counts(self, session: Session) -> ClaimCounts:
        query = select(ClaimRow.state, func.count(), func.count(ClaimRow.key)).group_by(ClaimRow.state)
        found = {row[0]: row for row in session.execute(query.where(ClaimRow.run_id == self._run_id))}
        states: tuple[ClaimState, ...] = ("running", "complete", "failed")
        running, complete, failed = (found[state][1] if state in found else 0 for state in states)
        taken = sum(row[2] for row in found.values())
        return ClaimCounts(running=running, complete=complete, failed=failed, taken=taken)
