"""The events of a run: appended in the transaction of what they tell, and numbered under the lock of the run's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, insert, update
from sqlalchemy.orm import Session

from runs.store.exact import json_object
from runs.store.service.tables import EventRow, SubmissionRow

__all__ = ["append"]


def append(
    session: Session, submission_id: int, kind: str, data: Mapping[str, Any], *, now: ColumnElement[float]
) -> None:
    """Add an event to a run; its row stays locked to the end of the transaction."""
    change = update(SubmissionRow).where(SubmissionRow.id == submission_id).values(events=SubmissionRow.events + 1)
    number = session.scalar(change.returning(SubmissionRow.events))
    session.execute(
        insert(EventRow).values(
            submission_id=submission_id,
            number=number,
            time_s=now,
            kind=kind,
            data=json_object(data, parameter="data"),
        )
    )
