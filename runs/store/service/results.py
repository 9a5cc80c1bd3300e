"""What the runs of a database have found, as pages watch it: the candidates that changed since they last looked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from runs.store.database import Database
from runs.store.service.tables import SubmissionRow
from runs.store.tables import CandidateRow, ExportRow, RunRow

__all__ = ["Found", "FoundExport", "Results"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A candidate as it was last written; ``change`` numbers the writes of its run, ``architecture`` is plain JSON."""

    change: int
    key: str
    values: dict[str, float]
    predicted: dict[str, float]
    source: str
    state: str
    final: dict[str, Any] | None
    architecture: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundExport:
    """An exported network of a run, by the name of its folder inside of the run's."""

    key: str
    folder: str


class Results:
    """The results in one database; runs are known by their folders, relative to the outputs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def candidates(self, folder: str, *, after: int = 0, limit: int | None = None) -> list[Found]:
        """Return what was written after change ``after`` in the run of a folder, in the order of the changes."""
        columns = (
            CandidateRow.change,
            CandidateRow.key,
            CandidateRow.objectives,
            CandidateRow.predicted,
            CandidateRow.source,
            CandidateRow.state,
            CandidateRow.final,
        )
        query = select(*columns).join(RunRow, RunRow.id == CandidateRow.run_id)
        query = query.where(RunRow.folder == folder, CandidateRow.change > after).order_by(CandidateRow.change)
        with self._database._read() as session:
            return [
                Found(change=change, key=key, values=values, predicted=predicted, source=source, state=state, final=f)
                for change, key, values, predicted, source, state, f in session.execute(query.limit(limit))
            ]

    def candidate(self, folder: str, key: str) -> Found | None:
        """Return a candidate with its architecture."""
        query = select(CandidateRow).join(RunRow, RunRow.id == CandidateRow.run_id)
        with self._database._read() as session:
            row = session.scalars(query.where(RunRow.folder == folder, CandidateRow.key == key)).one_or_none()
            return None if row is None else _whole(row)

    def networks(self, folder: str, keys: Sequence[str]) -> list[Found]:
        """Return several candidates with their architectures, in the order of their changes."""
        query = select(CandidateRow).join(RunRow, RunRow.id == CandidateRow.run_id)
        query = query.where(RunRow.folder == folder, CandidateRow.key.in_(list(keys))).order_by(CandidateRow.change)
        with self._database._read() as session:
            return [_whole(row) for row in session.scalars(query)]

    def heads(self, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return the last event and the last change of several runs, by the numbers of their rows, in one query."""
        query = select(SubmissionRow.id, SubmissionRow.events, func.coalesce(RunRow.changes, 0))
        query = query.outerjoin(RunRow, RunRow.folder == SubmissionRow.folder)
        with self._database._read() as session:
            rows = session.execute(query.where(SubmissionRow.id.in_(list(numbers))))
            return {number: (events, changes) for number, events, changes in rows}

    def exports(self, folder: str) -> list[FoundExport]:
        """Return the exported networks of the run of a folder."""
        query = select(ExportRow.key, ExportRow.folder).join(RunRow, RunRow.id == ExportRow.run_id)
        with self._database._read() as session:
            rows = session.execute(query.where(RunRow.folder == folder).order_by(ExportRow.id))
            return [FoundExport(key=key, folder=found) for key, found in rows]


def _whole(row: CandidateRow) -> Found:
    return Found(
        change=row.change,
        key=row.key,
        values=row.objectives,
        predicted=row.predicted,
        source=row.source,
        state=row.state,
        final=row.final,
        architecture=json.loads(row.architecture_json),
    )
