"""Whose turn it is when jobs of several owners wait: no one's many runs keep another's first from running.

The next job is of the owner with the fewest running ones; among several such owners, of the one whose last job began
longest ago, for a single runner has none running whenever it is free; of one owner, the oldest.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runs.store.service.tables import JobRow, SubmissionRow

__all__ = ["Turns", "in_turn", "queued_in_turn"]

Place = tuple[int, bool, float, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """How many jobs of each owner run, and when the last one of each began, in seconds since 1970."""

    running: dict[str, int]
    began_s: dict[str, float]

    @classmethod
    def read(cls, session: Session, owners: set[str]) -> Turns:
        """Return those of some owners; of one alone there is nothing to know."""
        if len(owners) < 2:
            return cls(running={}, began_s={})
        of = select(SubmissionRow.owner).join_from(SubmissionRow, JobRow)
        of = of.where(SubmissionRow.owner.in_(owners)).group_by(SubmissionRow.owner)
        running = session.execute(of.add_columns(func.count()).where(JobRow.state == "running"))
        began = session.execute(of.add_columns(func.max(JobRow.started_s)).where(JobRow.started_s.is_not(None)))
        return cls(running={owner: n for owner, n in running}, began_s={owner: moment for owner, moment in began})

    def place(self, owner: str, number: int) -> Place:
        """Return what orders the job of a number among those that could begin now."""
        return self.running.get(owner, 0), False, self.began_s.get(owner, 0.0), number


def queued_in_turn(session: Session) -> list[JobRow]:
    """Return the jobs that wait, that which is to begin first of all, if it can, before the others."""
    query = select(SubmissionRow.owner, JobRow).join_from(SubmissionRow, JobRow).where(JobRow.state == "queued")
    waiting = [(owner, row) for owner, row in session.execute(query)]
    turns = Turns.read(session, {owner for owner, _ in waiting})
    return [row for _, row in sorted(waiting, key=lambda one: turns.place(one[0], one[1].id))]


def in_turn(waiting: Sequence[tuple[str, int]], turns: Turns) -> list[int]:
    """Return the numbers of waiting jobs in the order in which they will begin, if none ends meanwhile.

    Parameters
    ----------
    waiting
        Owner and number of each.
    turns
        Those of their owners.
    """
    queues: dict[str, list[int]] = defaultdict(list)
    for owner, number in sorted(waiting, key=lambda one: one[1], reverse=True):
        queues[owner].append(number)
    heap = [(turns.place(owner, numbers.pop()), owner) for owner, numbers in queues.items()]
    heapq.heapify(heap)
    ordered: list[int] = []
    while heap:
        (running, _, _, number), owner = heapq.heappop(heap)
        ordered.append(number)
        if queues[owner]:  # it began last of all
            heapq.heappush(heap, ((running + 1, True, float(len(ordered)), queues[owner].pop()), owner))
    return ordered
