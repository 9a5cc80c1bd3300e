"""The values that the store returns: plain, frozen, free of any database session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runs.store.export_detail import ExportDetail
from search_space.architecture import Architecture

__all__ = ["STAGES", "STATES", "Candidate", "Claim", "ClaimCounts", "ClaimState", "Export", "Run", "Stage", "State"]

State = Literal["complete", "failed"]
ClaimState = Literal["running", "complete", "failed"]

STATES: tuple[State, ...] = ("complete", "failed")
STAGES = ("profile", "train", "search", "finalists", "references", "report", "export")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run folder and the search space it was started with; ``created_at`` is in UTC, as all times here."""

    id: int
    folder: str
    task: str
    name: str
    space_fingerprint: str
    space_json: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A finished stage of a run; it needs no repetition while its ``fingerprint`` is the same."""

    run_id: int
    stage: str
    fingerprint: str
    detail: dict[str, Any]
    finished_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An evaluated architecture.

    ``values`` and ``predicted`` hold objectives by name (``validation_error``, ``latency_ms``, ``size_bytes``);
    ``final`` holds what was measured again once it became a finalist.
    """

    run_id: int
    key: str
    architecture: Architecture
    values: dict[str, float]
    predicted: dict[str, float]
    source: str
    trial_number: int | None
    state: State
    reason: str
    created_at: datetime
    final: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """An exported network and the folder that holds it."""

    run_id: int
    key: str
    folder: str
    detail: ExportDetail
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What one worker of a search has taken: a network, by key, or a place for the next while ``key`` is ``None``.

    ``attempt`` counts the workers that began to evaluate it; ``work`` says what is to be done, where the key does not.
    """

    id: int
    worker: str
    key: str | None
    trial_number: int | None
    state: ClaimState
    attempt: int
    reason: str
    work: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimCounts:
    """How many networks of a search are in work, done and failed, over all workers.

    ``running`` includes the places that are held for the next networks; ``taken`` counts networks alone, of any state.
    """

    running: int
    complete: int
    failed: int
    taken: int
