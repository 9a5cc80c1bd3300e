"""The values that the tables of a service return: plain, frozen, free of any database session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "ACTIVE",
    "STATES",
    "WORKER",
    "Dataset",
    "Event",
    "Job",
    "Runner",
    "State",
    "Submission",
    "Token",
    "TokenKind",
]

State = Literal["queued", "running", "done", "failed", "stopped"]
TokenKind = Literal["token", "session", "link"]

STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "stopped")
ACTIVE: tuple[State, ...] = ("queued", "running")
WORKER = "worker"
"""The verb of a job that takes part in the search of a run, whose state is that of its other jobs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A run as it was asked for; ``folder`` is relative to the outputs, times are seconds since 1970."""

    id: int
    key: str
    owner: str
    name: str
    task: str
    document: dict[str, Any]
    digest: str
    folder: str
    state: State
    created_s: float
    events: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A verb on a run; ``attempt`` counts the processes that began it, and ``reason`` says why it failed.

    While it waits, ``refusals`` says by the names of hosts what they lack for it.
    """

    id: int
    submission_id: int
    verb: str
    arguments: dict[str, Any]
    needs: dict[str, Any]
    is_exclusive: bool
    state: State
    wants_stop: bool
    attempt: int
    runner: str | None
    host: str | None
    process: int | None
    created_s: float
    started_s: float | None
    heartbeat_s: float | None
    finished_s: float | None
    reason: dict[str, Any]
    refusals: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened to a run; numbers have no gaps."""

    number: int
    time_s: float
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """A process that starts jobs, and how long ago it showed that it lives."""

    name: str
    host: str
    abilities: dict[str, Any]
    silent_s: float
    is_draining: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """Who has a token, and what it permits."""

    id: int
    kind: TokenKind
    owner: str
    scopes: frozenset[str]
    expires_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A data set: the task that reads it, and the task's options, paths of this machine among them.

    ``owner`` has uploaded it, and it takes ``size_bytes`` of what users may upload; an administrator's has none.
    """

    name: str
    task: str
    options: dict[str, Any]
    owner: str | None = None
    size_bytes: int = 0
