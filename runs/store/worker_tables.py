"""The tables with which several workers share one search: who works, and on which network."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from runs.store.records import Claim, ClaimState
from runs.store.tables import PREFIX, Base, RunRow

__all__ = ["ClaimRow", "WorkerRow"]


class WorkerRow(Base):
    """A process that evaluates networks of a run; its times are seconds since 1970 by the clock of the database."""

    __tablename__ = f"{PREFIX}workers"
    __table_args__ = (UniqueConstraint("name"), Index(None, "run_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(RunRow.id, ondelete="CASCADE"))
    name: Mapped[str]
    identity: Mapped[dict[str, Any]]
    joined_s: Mapped[float] = mapped_column(Double())
    # Since when no two heartbeats lay further apart than the grace period.
    alive_since_s: Mapped[float] = mapped_column(Double())
    heartbeat_s: Mapped[float] = mapped_column(Double())
    has_left: Mapped[bool]


class ClaimRow(Base):
    """A network that a worker has taken, or a place that it holds for the next; a network of a run is claimed once."""

    __tablename__ = f"{PREFIX}claims"
    __table_args__ = (
        UniqueConstraint("run_id", "key"),
        UniqueConstraint("run_id", "trial_number"),
        CheckConstraint("state IN ('running', 'complete', 'failed')", name="state"),
        Index(None, "run_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(RunRow.id, ondelete="CASCADE"))
    worker: Mapped[str]
    key: Mapped[str | None]
    trial_number: Mapped[int | None]
    state: Mapped[ClaimState] = mapped_column(Text())
    attempt: Mapped[int]
    reason: Mapped[str]
    # What is to be done for the network, where its key alone does not say it.
    work: Mapped[dict[str, Any] | None]

    def record(self) -> Claim:
        """Return the row as a value."""
        return Claim(
            id=self.id,
            worker=self.worker,
            key=self.key,
            trial_number=self.trial_number,
            state=self.state,
            attempt=self.attempt,
            reason=self.reason,
            work=self.work,
        )
