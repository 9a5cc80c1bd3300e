"""The shapes of what the server answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from runs.service.document.model import RunDocument

__all__ = [
    "BundleShape",
    "CandidateShape",
    "CheckShape",
    "CornerShape",
    "DatasetShape",
    "DeviceShape",
    "ExportShape",
    "FrontShape",
    "JobShape",
    "LogShape",
    "MadeToken",
    "MeShape",
    "NetworkShape",
    "PredictionShape",
    "Problem",
    "RunPage",
    "RunShape",
    "RunnerShape",
    "Shape",
    "TokenShape",
    "UploadedShape",
]


class Shape(BaseModel):
    """What the server answers, made from the record of the store that it shows."""

    model_config = ConfigDict(from_attributes=True)


class Problem(Shape):
    """Why a request is refused."""

    parameter: str
    expected: str
    got: str
    remedy: str


class JobShape(Shape):
    """A verb on a run, done by one process at a time; times are seconds since 1970.

    While it waits, ``refusals`` says by the names of machines what they lack for it.
    """

    id: int
    verb: str
    state: str
    attempt: int
    runner: str | None
    created_s: float
    started_s: float | None
    heartbeat_s: float | None
    finished_s: float | None
    reason: dict[str, Any]
    refusals: dict[str, str]


class RunShape(Shape):
    """A run; ``place`` is how many jobs wait before it, from 1."""

    key: str
    name: str
    owner: str
    task: str
    state: str
    created_s: float
    place: int | None = None
    document: RunDocument
    jobs: list[JobShape] | None = None


class RunPage(Shape):
    """Some runs, the newest first; ``cursor`` asks for those that follow."""

    runs: list[RunShape]
    cursor: int | None


class CandidateShape(Shape):
    """A network that was evaluated, as it was last written in the run's change of that number."""

    change: int
    key: str
    values: dict[str, float]
    predicted: dict[str, float]
    source: str
    state: str
    final: dict[str, Any] | None


class NetworkShape(CandidateShape):
    """The same with its architecture."""

    architecture: dict[str, Any]


class CornerShape(Shape):
    """The smallest, middle or largest network of a space, and all of its values that need no evaluation."""

    name: str
    embed_dim: int
    depth: int
    values: dict[str, float]


class CheckShape(Shape):
    """What is known of a run before it begins.

    ``unmet`` says why no network of the space meets the budget, ``profile`` of which device latencies are predicted:
    without one there are none, and limits of them are not checked. ``notes`` are what the run would warn of.
    """

    networks_log10: float
    corners: list[CornerShape]
    budget: dict[str, float]
    unmet: Problem | None
    profile: str | None
    notes: list[str]


class FrontShape(Shape):
    """The networks that nothing dominates within a budget, cheapest first.

    Where no network is within the budget there are none, and ``nearest`` holds the front without it.
    """

    objectives: list[str]
    budget: dict[str, float]
    front: list[NetworkShape]
    nearest: list[NetworkShape]


class LogShape(Shape):
    """A part of a run's log; ``offset`` asks for what follows."""

    text: str
    offset: int


class ExportShape(Shape):
    """An exported network: its files with sizes and hashes, and how far their outputs are from the search's."""

    key: str
    files: dict[str, Any]
    models: dict[str, Any]
    parity: dict[str, Any] | None


class RunnerShape(Shape):
    """A process that starts jobs."""

    name: str
    host: str
    abilities: dict[str, Any]
    silent_s: float
    is_draining: bool


class DatasetShape(Shape):
    """A data set; where it lies is the administrator's to know, who has registered those without an owner."""

    name: str
    task: str
    owner: str | None


class UploadedShape(DatasetShape):
    """A data set that was just uploaded, and what it was understood to be."""

    facts: dict[str, str]
    notes: list[str]


class DeviceShape(Shape):
    """A profile of a device: its blocks and networks were measured under one setting for one space."""

    id: str
    device: str
    cpu_model: str | None
    accelerator: str | None
    setting: dict[str, Any]
    runtime_version: str
    space_fingerprint: str
    count: int
    noise_floor: float | None
    created_at: str


class BundleShape(Shape):
    """A bundle for a device: running, done with the bytes of its zip, or failed for a reason."""

    key: str
    state: str
    size_bytes: int | None
    reason: Problem | None


class PredictionShape(Shape):
    """What a network takes on a device by its profile, with the interval of a new measurement, in milliseconds."""

    key: str
    latency_ms: float
    low_ms: float
    high_ms: float


class MeShape(Shape):
    """Who sent the request, and what the token permits; ``upload_bytes`` of a file of data, 0 where none is taken."""

    owner: str
    scopes: list[str]
    expires_s: float
    upload_bytes: int


class TokenShape(Shape):
    """A token of a user; the token itself is not kept."""

    id: int
    owner: str
    scopes: list[str]
    expires_s: float


class MadeToken(TokenShape):
    """A token that was just made: it is shown this once."""

    token: str
