"""The one door to the database: every method is one transaction and returns values, never sessions or rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from runs.store.database import Database
from runs.store.exact import json_object, objectives, utc_now
from runs.store.export_detail import ExportDetail
from runs.store.records import STAGES, STATES, Candidate, Export, Run, Stage, State
from runs.store.tables import CandidateRow, ExportRow, MeasurementRow, RunRow, StageRow
from search_space.architecture import Architecture
from search_space.errors import StoreError

__all__ = ["AnotherRunError", "Store"]


class AnotherRunError(StoreError):
    """A folder that holds a run of something else than what is asked for."""


class Store(Database):
    """Runs, stages, measurements, candidates and exports in one database.

    Made by ``Store.open``. Threads and processes may write to the same database at once; a killed process loses at
    most the row it was writing. Every method raises ``StoreError`` if the database is locked, full, read-only or
    unreachable.
    """

    def open_run(self, folder: str, *, task: str, name: str, space_fingerprint: str, space_json: str) -> Run:
        """Return the run of a folder, creating it where there is none.

        Raises
        ------
        AnotherRunError
            The folder holds a run of another task or search space.
        """
        row = {
            "folder": folder,
            "task": task,
            "name": name,
            "space_fingerprint": space_fingerprint,
            "space_json": space_json,
            "created_at": utc_now(),
        }
        with self._write() as session:
            self._insert_new(session, RunRow, row)
            run = session.scalars(select(RunRow).where(RunRow.folder == folder)).one().record()
        for what, stored, given in (
            ("task", run.task, task),
            ("search space", run.space_fingerprint, space_fingerprint),
        ):
            if stored != given:
                raise AnotherRunError(
                    folder,
                    expected=f"the {what} this run was started with ({stored})",
                    got=given,
                    remedy="choose another name=, or a fresh folder",
                )
        return run

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        with self._read() as session:
            return [row.record() for row in session.scalars(select(RunRow).order_by(RunRow.id))]

    def finish_stage(self, run_id: int, stage: str, *, fingerprint: str, detail: Mapping[str, Any]) -> Stage:
        """Note that a stage is finished, in place of any earlier time it was."""
        _check_member("stage", stage, STAGES)
        new = {"fingerprint": fingerprint, "detail": json_object(detail, parameter="detail"), "finished_at": utc_now()}
        insert = self._insert(StageRow).values(run_id=run_id, stage=stage, **new)
        with self._write() as session:
            session.execute(insert.on_conflict_do_update(index_elements=["run_id", "stage"], set_=new))
            finished = _stage(session, run_id, stage)
        assert finished is not None
        return finished

    def stage(self, run_id: int, stage: str) -> Stage | None:
        """Return a stage of a run if it was ever finished."""
        _check_member("stage", stage, STAGES)
        with self._read() as session:
            return _stage(session, run_id, stage)

    def add_measurement(self, profile_key: str, subject_key: str, *, payload: Mapping[str, Any]) -> bool:
        """Store a measurement of a profile; False, and nothing changes, if its subject was measured before."""
        row = {
            "profile_key": profile_key,
            "subject_key": subject_key,
            "payload": json_object(payload, parameter="payload"),
            "created_at": utc_now(),
        }
        with self._write() as session:
            return self._insert_new(session, MeasurementRow, row)

    def measurements(self, profile_key: str) -> list[dict[str, Any]]:
        """Return the payloads of a profile in the order they were measured."""
        query = select(MeasurementRow.payload).where(MeasurementRow.profile_key == profile_key)
        with self._read() as session:
            return list(session.scalars(query.order_by(MeasurementRow.id)))

    def measured_subjects(self, profile_key: str) -> list[str]:
        """Return the subject keys of a profile in the order they were measured."""
        query = select(MeasurementRow.subject_key).where(MeasurementRow.profile_key == profile_key)
        with self._read() as session:
            return list(session.scalars(query.order_by(MeasurementRow.id)))

    def add_candidate(
        self,
        run_id: int,
        key: str,
        *,
        architecture: Architecture,
        values: Mapping[str, float],
        predicted: Mapping[str, float],
        source: str,
        trial_number: int | None = None,
        state: State = "complete",
        reason: str = "",
    ) -> Candidate:
        """Store an evaluated architecture and return it, or return the stored one if the run has it already.

        Raises
        ------
        ValueError
            A value is NaN or infinite: an evaluation that failed has the state ``failed`` and a reason instead.
        """
        _check_member("state", state, STATES)
        row = {
            "run_id": run_id,
            "key": key,
            **_known_of(architecture, values=values, predicted=predicted),
            "source": source,
            "trial_number": trial_number,
            "state": state,
            "reason": reason,
            "created_at": utc_now(),
        }
        with self._write() as session:
            self._insert_new(session, CandidateRow, {**row, "change": _next_change(session, run_id)})
            stored = _candidate(session, run_id, key)
        assert stored is not None
        return stored

    def put_candidate(
        self,
        run_id: int,
        key: str,
        *,
        architecture: Architecture,
        values: Mapping[str, float],
        predicted: Mapping[str, float],
        source: str,
        trial_number: int | None = None,
    ) -> Candidate:
        """Store an evaluated architecture as it is now, in place of what was known of it, and return it.

        Where its values have changed, what was measured of it as a finalist goes, for it is another network now.

        Raises
        ------
        ValueError
            A value is NaN or infinite.
        """
        own = {"run_id": run_id, "key": key}
        new = {
            **_known_of(architecture, values=values, predicted=predicted),
            "source": source,
            "trial_number": trial_number,
            "state": "complete",
            "reason": "",
        }
        with self._write() as session:
            new["change"] = _next_change(session, run_id)
            before = _candidate(session, run_id, key)
            kept = before.final if before is not None and before.values == dict(values) else None
            insert = self._insert(CandidateRow).values(**own, **new, created_at=utc_now())
            session.execute(insert.on_conflict_do_update(index_elements=["run_id", "key"], set_={**new, "final": kept}))
            session.expire_all()
            stored = _candidate(session, run_id, key)
        assert stored is not None
        return stored

    def candidates(self, run_id: int, *, state: State | None = None) -> list[Candidate]:
        """Return the candidates of a run in the order they were stored."""
        query = select(CandidateRow).where(CandidateRow.run_id == run_id)
        if state is not None:
            _check_member("state", state, STATES)
            query = query.where(CandidateRow.state == state)
        with self._read() as session:
            return [row.record() for row in session.scalars(query.order_by(CandidateRow.id))]

    def candidate(self, run_id: int, key: str) -> Candidate | None:
        """Return a candidate of a run if there is one of this key."""
        with self._read() as session:
            return _candidate(session, run_id, key)

    def set_final(self, run_id: int, key: str, *, final: Mapping[str, Any]) -> Candidate:
        """Store what was measured for a finalist, in place of what was there.

        Raises
        ------
        StoreError
            The run has no candidate of this key.
        """
        change = update(CandidateRow).where(CandidateRow.run_id == run_id, CandidateRow.key == key)
        with self._write() as session:
            number = _next_change(session, run_id)
            session.execute(change.values(final=json_object(final, parameter="final"), change=number))
            candidate = _candidate(session, run_id, key)
        if candidate is None:
            raise StoreError(
                "key", expected=f"a candidate of run {run_id}", got=key, remedy="take a key of report/front.csv"
            )
        return candidate

    def add_export(self, run_id: int, key: str, *, folder: str, detail: ExportDetail) -> Export:
        """Note that a network was exported to a folder, in place of what was exported there before."""
        stored = json_object(detail.to_dict(), parameter="detail")
        new = {"key": key, "detail": stored, "created_at": utc_now()}
        insert = self._insert(ExportRow).values(run_id=run_id, folder=folder, **new)
        with self._write() as session:
            session.execute(insert.on_conflict_do_update(index_elements=["run_id", "folder"], set_=new))
            query = select(ExportRow).where(ExportRow.run_id == run_id, ExportRow.folder == folder)
            return session.scalars(query).one().record()

    def exports(self, run_id: int) -> list[Export]:
        """Return the exports of a run, the first folder first."""
        query = select(ExportRow).where(ExportRow.run_id == run_id).order_by(ExportRow.id)
        with self._read() as session:
            return [row.record() for row in session.scalars(query)]


def _next_change(session: Session, run_id: int) -> int:
    """Lock the run's row to the end of the transaction, and return the number of the change that is about to be."""
    change = update(RunRow).where(RunRow.id == run_id).values(changes=RunRow.changes + 1)
    return session.scalar(change.returning(RunRow.changes)) or 0  # a run that is gone: its foreign key tells


def _stage(session: Session, run_id: int, stage: str) -> Stage | None:
    row = session.scalars(select(StageRow).where(StageRow.run_id == run_id, StageRow.stage == stage)).one_or_none()
    return None if row is None else row.record()


def _candidate(session: Session, run_id: int, key: str) -> Candidate | None:
    query = select(CandidateRow).where(CandidateRow.run_id == run_id, CandidateRow.key == key)
    row = session.scalars(query).one_or_none()
    return None if row is None else row.record()


def _known_of(
    architecture: Architecture, *, values: Mapping[str, float], predicted: Mapping[str, float]
) -> dict[str, Any]:
    """Return the columns of what is known of a network."""
    return {
        "architecture_json": architecture.to_json(),
        "objectives": objectives(values, parameter="values"),
        "predicted": objectives(predicted, parameter="predicted"),
    }


def _check_member(parameter: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{parameter}: expected one of {', '.join(allowed)}, got {value!r}")
