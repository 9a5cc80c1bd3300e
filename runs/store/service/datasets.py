"""The data sets that an administrator has registered under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select

from runs.store.database import Database
from runs.store.engine import clock
from runs.store.exact import json_object
from runs.store.service.records import Dataset
from runs.store.service.tables import DatasetRow

__all__ = ["Datasets"]


class Datasets:
    """The registered data sets of a service in one database."""

    def __init__(self, database: Database) -> None:
        self._database, self._now = database, clock(database._engine)

    def register(self, name: str, *, task: str, options: Mapping[str, Any]) -> None:
        """Register a data set, in place of one of the same name."""
        new = {"task": task, "options": json_object(options, parameter="options"), "created_s": self._now}
        insert = self._database._insert(DatasetRow).values(name=name, **new)
        with self._database._write() as session:
            session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=new))

    def remove(self, name: str) -> bool:
        """Forget a data set; its files stay. False if there is none of this name."""
        with self._database._write() as session:
            query = delete(DatasetRow).where(DatasetRow.name == name).returning(DatasetRow.id)
            return session.scalar(query) is not None

    def get(self, name: str) -> Dataset | None:
        """Return a data set by its name."""
        with self._database._read() as session:
            row = session.scalars(select(DatasetRow).where(DatasetRow.name == name)).one_or_none()
            return None if row is None else Dataset(name=row.name, task=row.task, options=row.options)

    def list(self) -> list[Dataset]:
        """Return all data sets by name."""
        with self._database._read() as session:
            rows = session.scalars(select(DatasetRow).order_by(DatasetRow.name))
            return [Dataset(name=row.name, task=row.task, options=row.options) for row in rows]
