"""The tables, as SQLAlchemy models; each row knows the dataclass that leaves the store.

All names start with ``nasweave_`` because Optuna keeps its tables in the same database.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runs.store.exact import Entries, Numbers, UtcDateTime, unreadable
from runs.store.export_detail import ExportDetail
from runs.store.records import Candidate, Export, Run, Stage, State
from search_space.architecture import Architecture
from search_space.errors import SpaceError, StoreError
from search_space.schema import MalformedError, file_word, integer, number, optional, record

__all__ = ["PREFIX", "Base", "CandidateRow", "EvaluationRow", "ExportRow", "MeasurementRow", "RunRow", "StageRow"]

PREFIX = "nasweave_"
_KEY, _TRIAL = file_word, optional(integer(0, 2**62))  # folders are named by keys
_MEASURED = ("_ms", "_mj", "_error")  # ends of the names of what is measured of a finalist, as a number


def _check_final(final: dict[str, Any] | None) -> None:
    """Check what was measured of a finalist."""
    for name, value in (final or {}).items():
        if name.endswith(_MEASURED):
            record({name: number()})({name: value})


class Base(DeclarativeBase):
    """The metadata that migrations must arrive at."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it as a plain class attribute)
        str: Text(),
        datetime: UtcDateTime(),
        dict[str, Any]: Entries(),
        dict[str, float]: Numbers(),
    }


class RunRow(Base):
    """A run, known by its folder."""

    __tablename__ = f"{PREFIX}runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(unique=True)
    task: Mapped[str]
    name: Mapped[str]
    space_fingerprint: Mapped[str]
    space_json: Mapped[str]
    created_at: Mapped[datetime]
    # How often a candidate of it was written: counted while this row is locked, so that no change appears late.
    changes: Mapped[int] = mapped_column(server_default="0")

    def record(self) -> Run:
        """Return the row as a value."""
        return Run(
            id=self.id,
            folder=self.folder,
            task=self.task,
            name=self.name,
            space_fingerprint=self.space_fingerprint,
            space_json=self.space_json,
            created_at=self.created_at,
        )


class StageRow(Base):
    """The last time that a stage of a run was finished."""

    __tablename__ = f"{PREFIX}stages"
    __table_args__ = (UniqueConstraint("run_id", "stage"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(RunRow.id, ondelete="CASCADE"))
    stage: Mapped[str]
    fingerprint: Mapped[str]
    detail: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime]

    def record(self) -> Stage:
        """Return the row as a value."""
        return Stage(
            run_id=self.run_id,
            stage=self.stage,
            fingerprint=self.fingerprint,
            detail=self.detail,
            finished_at=self.finished_at,
        )


class MeasurementRow(Base):
    """One subject measured on one device; measurements belong to a device and outlive the run that made them."""

    __tablename__ = f"{PREFIX}measurements"
    __table_args__ = (UniqueConstraint("profile_key", "subject_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_key: Mapped[str]
    subject_key: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class EvaluationRow(Base):
    """The quality of one network under one checkpoint, data set and way of evaluating; it outlives the run."""

    __tablename__ = f"{PREFIX}evaluations"
    __table_args__ = (UniqueConstraint("context", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    context: Mapped[str]
    key: Mapped[str]
    quality: Mapped[dict[str, float]]
    created_at: Mapped[datetime]


class CandidateRow(Base):
    """An evaluated architecture of a run."""

    __tablename__ = f"{PREFIX}candidates"
    __table_args__ = (
        UniqueConstraint("run_id", "key"),
        CheckConstraint("state IN ('complete', 'failed')", name="state"),
        Index(None, "run_id", "change"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(RunRow.id, ondelete="CASCADE"))
    key: Mapped[str]
    architecture_json: Mapped[str]
    # "values" is a reserved word of SQL.
    objectives: Mapped[dict[str, float]]
    predicted: Mapped[dict[str, float]]
    source: Mapped[str]
    trial_number: Mapped[int | None]
    state: Mapped[State] = mapped_column(Text())
    reason: Mapped[str]
    created_at: Mapped[datetime]
    final: Mapped[dict[str, Any] | None]
    # Which of the run's changes wrote it last: whoever has seen all up to a number asks for those after it.
    change: Mapped[int] = mapped_column(server_default="0")

    def record(self) -> Candidate:
        """Return the row as a value."""
        try:
            _KEY(self.key), _TRIAL(self.trial_number)
            _check_final(self.final)
        except MalformedError as error:
            raise unreadable(f"a candidate with {error}") from error
        return Candidate(
            run_id=self.run_id,
            key=self.key,
            architecture=_architecture(self.architecture_json, key=self.key),
            values=self.objectives,
            predicted=self.predicted,
            source=self.source,
            trial_number=self.trial_number,
            state=self.state,
            reason=self.reason,
            created_at=self.created_at,
            final=self.final,
        )


class ExportRow(Base):
    """What lies in an export folder: a folder holds one network, so exporting into it again replaces the row."""

    __tablename__ = f"{PREFIX}exports"
    __table_args__ = (UniqueConstraint("run_id", "folder"), Index(None, "run_id", "key"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(RunRow.id, ondelete="CASCADE"))
    key: Mapped[str]
    folder: Mapped[str]
    detail: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    def record(self) -> Export:
        """Return the row as a value."""
        return Export(
            run_id=self.run_id,
            key=self.key,
            folder=self.folder,
            detail=_export_detail(self.detail, folder=self.folder),
            created_at=self.created_at,
        )


@lru_cache(maxsize=100_000)  # a row is read many times in a search, and networks are values
def _architecture(text: str, *, key: str) -> Architecture:
    try:
        return Architecture.from_json(text)
    except SpaceError as error:
        raise StoreError(
            f"candidate {key}",
            expected="a network in the database",
            got=f"{error.got} ({error.remedy})",
            remedy="restore the database, or choose another name= for a new run",
        ) from error


def _export_detail(stored: dict[str, Any], *, folder: str) -> ExportDetail:
    try:
        return ExportDetail.from_dict(stored)
    except ValueError as error:
        raise StoreError(
            f"export {folder}",
            expected="what an export folder holds, in the database",
            got=f"{stored}"[:80] + f" ({error})",
            remedy="restore the database, or choose another name= for a new run",
        ) from error
