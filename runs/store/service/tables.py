"""The tables of a service; all times are seconds since 1970 by the clock of the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from runs.store.service.records import State, TokenKind
from runs.store.tables import PREFIX, Base

__all__ = ["DatasetRow", "EventRow", "JobRow", "NoticeRow", "RunnerRow", "SubmissionRow", "TokenRow"]

_STATES = "state IN ('queued', 'running', 'done', 'failed', 'stopped')"


class SubmissionRow(Base):
    """A run as it was asked for; what it finds stands in the tables of the run of its folder."""

    __tablename__ = f"{PREFIX}submissions"
    __table_args__ = (
        UniqueConstraint("key"),
        UniqueConstraint("owner", "idempotency"),
        CheckConstraint(_STATES, name="state"),
        Index(None, "state"),
        Index(None, "folder"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    owner: Mapped[str]
    name: Mapped[str]
    task: Mapped[str]
    document: Mapped[dict[str, Any]]
    digest: Mapped[str]
    idempotency: Mapped[str | None]
    folder: Mapped[str]
    state: Mapped[State] = mapped_column(Text())
    created_s: Mapped[float] = mapped_column(Double())
    # The number of its last event: events are numbered while this row is locked, so that none appears late.
    events: Mapped[int]
    is_hidden: Mapped[bool]


class JobRow(Base):
    """A piece of work on a run: a verb, done by one process at a time."""

    __tablename__ = f"{PREFIX}jobs"
    __table_args__ = (
        CheckConstraint(_STATES, name="state"),
        Index(None, "state"),
        Index(None, "submission_id"),
        Index(None, "finished_s"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey(SubmissionRow.id, ondelete="CASCADE"))
    verb: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    needs: Mapped[dict[str, Any]]
    is_exclusive: Mapped[bool]
    state: Mapped[State] = mapped_column(Text())
    wants_stop: Mapped[bool]
    # How many processes began it: the number tells them apart, and the last one alone may write.
    attempt: Mapped[int]
    runner: Mapped[str | None]
    host: Mapped[str | None]
    process: Mapped[int | None]
    created_s: Mapped[float] = mapped_column(Double())
    started_s: Mapped[float | None] = mapped_column(Double())
    heartbeat_s: Mapped[float | None] = mapped_column(Double())
    finished_s: Mapped[float | None] = mapped_column(Double())
    reason: Mapped[dict[str, Any]]
    # What machines lack that looked at it while it waited, by their names.
    refusals: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class NoticeRow(Base):
    """How often it was tried to tell of a job that ended, and when it is tried again."""

    __tablename__ = f"{PREFIX}notices"

    job_id: Mapped[int] = mapped_column(ForeignKey(JobRow.id, ondelete="CASCADE"), primary_key=True)
    tries: Mapped[int]
    due_s: Mapped[float] = mapped_column(Double())
    is_sent: Mapped[bool]


class EventRow(Base):
    """What happened to a run, numbered without gaps from 1."""

    __tablename__ = f"{PREFIX}events"
    __table_args__ = (UniqueConstraint("submission_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey(SubmissionRow.id, ondelete="CASCADE"))
    number: Mapped[int]
    time_s: Mapped[float] = mapped_column(Double())
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]


class RunnerRow(Base):
    """A process that starts jobs on its machine."""

    __tablename__ = f"{PREFIX}runners"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    host: Mapped[str]
    abilities: Mapped[dict[str, Any]]
    joined_s: Mapped[float] = mapped_column(Double())
    # Since when no two heartbeats lay further apart than the grace period.
    alive_since_s: Mapped[float] = mapped_column(Double())
    heartbeat_s: Mapped[float] = mapped_column(Double())
    is_draining: Mapped[bool]
    has_left: Mapped[bool]


class TokenRow(Base):
    """Who may do what; of the token itself there is only the hash."""

    __tablename__ = f"{PREFIX}tokens"
    __table_args__ = (UniqueConstraint("hash"), CheckConstraint("kind IN ('token', 'session', 'link')", name="kind"))

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str]
    kind: Mapped[TokenKind] = mapped_column(Text())
    owner: Mapped[str]
    scopes: Mapped[dict[str, Any]]
    created_s: Mapped[float] = mapped_column(Double())
    expires_s: Mapped[float] = mapped_column(Double())


class DatasetRow(Base):
    """A data set that an administrator has registered, or a user has uploaded, under a name."""

    __tablename__ = f"{PREFIX}datasets"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    task: Mapped[str]
    options: Mapped[dict[str, Any]]
    created_s: Mapped[float] = mapped_column(Double())
    owner: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger(), server_default="0")
