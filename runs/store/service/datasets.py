"""The data sets that an administrator has registered, or users have uploaded, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.exact import json_object
from runs.store.service.records import Dataset
from runs.store.service.submissions import QuotaError
from runs.store.service.tables import DatasetRow

__all__ = ["Datasets"]


class Datasets:
    """The data sets of a service in one database."""

    def __init__(self, database: Database) -> None:
        self._database, self._now = database, clock(database._engine)

    def register(self, name: str, *, task: str, options: Mapping[str, Any]) -> None:
        """Register a data set, in place of one of the same name."""
        new = {"task": task, "options": json_object(options, parameter="options"), "created_s": self._now}
        new |= {"owner": None, "size_bytes": 0}
        insert = self._database._insert(DatasetRow).values(name=name, **new)
        with self._database._write() as session:
            session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new))

    def add(
        self, name: str, *, task: str, options: Mapping[str, Any], owner: str, size_bytes: int, most_bytes: int
    ) -> bool:
        """Add what a user has uploaded; False if the name is taken.

        Raises
        ------
        QuotaError
            All data sets of the owner together would have more than ``most_bytes``.
        """
        row: dict[str, Any] = {"name": name, "task": task, "options": json_object(options, parameter="options")}
        row |= {"created_s": self._now, "owner": owner, "size_bytes": size_bytes}
        with self._database._write() as session:
            is_new = self._database._insert_new(session, DatasetRow, row)
            if is_new and (used := _used(session, owner)) > most_bytes:
                raise QuotaError(
                    "datasets",
                    expected=f"uploads of {owner} of at most {most_bytes} bytes in all",
                    got=f"{used} with this one",
                    remedy="remove one: DELETE /api/v1/datasets/NAME",
                )
            return is_new

    def used(self, owner: str) -> int:
        """Return the bytes of what a user has uploaded."""
        with self._database._read() as session:
            return _used(session, owner)

    def remove(self, name: str) -> bool:
        """Forget a data set; its files stay. False if there is none of this name."""
        with self._database._write() as session:
            query = delete(DatasetRow).where(DatasetRow.name == name).returning(DatasetRow.id)
            return session.scalar(query) is not None

    def get(self, name: str) -> Dataset | None:
        """Return a data set by its name."""
        with self._database._read() as session:
            row = session.scalars(select(DatasetRow).where(DatasetRow.name == name)).one_or_none()
            return None if row is None else _record(row)

    def list(self) -> list[Dataset]:
        """Return all data sets by name."""
        with self._database._read() as session:
            return [_record(row) for row in session.scalars(select(DatasetRow).order_by(DatasetRow.name))]


def _used(session: Session, owner: str) -> int:
    return int(session.scalar(select(func.sum(DatasetRow.size_bytes)).where(DatasetRow.owner == owner)) or 0)


def _record(row: DatasetRow) -> Dataset:
    return Dataset(**{name: getattr(row, name) for name in Dataset.__slots__})
