"""The document with which a run is asked for: its schema is the whole of what a service lets a user decide.

Whatever is not in it is the administrator's: paths, the database, where data lie, who works on how many machines.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from runs.service.document import options
from runs.service.document.names import KEY, DeviceName, DurationText, Key, Name

__all__ = ["Budget", "Document", "ExportRequest", "RunDocument", "digest"]

_Count = Annotated[int, Field(ge=1, le=10**15)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Document(BaseModel):
    """A part of a request: unknown keys are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Budget(Document):
    """Upper limits; what is not given has none."""

    validation_error: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="The task's error: percent, bits per byte or a mean square."
    )
    validation_loss: Annotated[float, Field(gt=0, le=1e9)] | None = None
    latency_ms: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="Milliseconds of one batch on the device."
    )
    size_bytes: _Count | None = Field(default=None, description="Bytes of the weights.")
    params: _Count | None = Field(default=None, description="Number of parameters.")
    flops: _Count | None = Field(default=None, description="FLOPs of one example.")
    peak_activation_bytes: _Count | None = None
    ttft_ms: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="Milliseconds to the first token of a causal network."
    )
    decode_ms: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="Milliseconds of each further token of a causal network."
    )
    cache_bytes: _Count | None = Field(default=None, description="What a causal network remembers between two tokens.")


class SpaceChoices(Document):
    """Choices that replace those of the chosen space."""

    embed_dim: Annotated[list[Annotated[int, Field(ge=8, le=1024)]], Field(min_length=1, max_length=16)] | None = None
    depth: Annotated[list[Annotated[int, Field(ge=1, le=24)]], Field(min_length=1, max_length=24)] | None = None
    head_dim: Annotated[int, Field(ge=4, le=128)] | None = None
    num_heads: Annotated[list[Annotated[int, Field(ge=1, le=32)]], Field(min_length=1, max_length=16)] | None = None
    ratio: Annotated[list[Annotated[int, Field(ge=1, le=8)]], Field(min_length=1, max_length=8)] | None = None
    mixer: Annotated[list[options.Mixer], Field(min_length=1, max_length=32)] | None = None
    channel_mixer: Annotated[list[options.Channel], Field(min_length=1, max_length=8)] | None = None
    precision: Annotated[list[options.Precision], Field(min_length=1, max_length=9)] | None = None


class DeviceChoice(Document):
    """What networks are to run on: the runner's own machine, or a device whose profile the service has."""

    profile: DeviceName | None = Field(
        default=None, description="Id of a profile, of GET devices; null measures the runner."
    )
    runtime: options.Runtime = "onnxruntime"
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    batch_size: Annotated[int, Field(ge=1, le=64)] = 1


class SearchChoice(Document):
    """How networks are searched."""

    method: options.SearchOption = "fidelities"
    trials: Annotated[int, Field(ge=4, le=100_000)] | None = Field(
        default=None, description="Networks that are evaluated, by a method with a supernet."
    )
    time_budget: DurationText | None = Field(
        default=None, description="How long networks are trained, by the method fidelities."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Processes that share the search, where machines or slots have room; needs PostgreSQL."
    )
    objectives: (
        Annotated[
            list[
                Literal[
                    "validation_error",
                    "validation_loss",
                    "latency_ms",
                    "size_bytes",
                    "params",
                    "flops",
                    "peak_activation_bytes",
                    "ttft_ms",
                    "decode_ms",
                    "tokens_per_s",
                    "cache_bytes",
                ]
            ],
            Field(min_length=1, max_length=5),
        ]
        | None
    ) = None


class TrainingChoice(Document):
    """How the supernet is trained, where the method has one."""

    steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = None


class ProfileChoice(Document):
    """How much of the machine is measured."""

    time_budget: DurationText | None = None
    networks: Annotated[int, Field(ge=0, le=1000)] | None = None


class BaselineChoice(Document):
    """Networks to compare with."""

    random: Annotated[int, Field(ge=0, le=10_000)] | None = None
    uniform: Annotated[int, Field(ge=0, le=10_000)] | None = None


class ExportChoice(Document):
    """What a network is written as."""

    formats: Annotated[list[options.Format], Field(min_length=1, max_length=9)] | None = None
    measure: bool = Field(default=True, description="Whether each file is timed.")


class RunDocument(Document):
    """A run: data, device and budget; everything else has a default that suits the task."""

    name: Name = "run"
    task: options.Task | None = Field(default=None, description="A task of the service, of GET tasks.")
    dataset: Name | None = Field(default=None, description="Id of a registered data set, of GET datasets.")
    space: options.SpaceOption | None = Field(default=None, description="A search space; null is the task's own.")
    choices: SpaceChoices = SpaceChoices()
    device: DeviceChoice = DeviceChoice()
    budget: Budget = Budget()
    time_budget: DurationText | None = Field(
        default=None, description="Of the whole run, from 120s; its parts share it. With the method fidelities."
    )
    search: SearchChoice = SearchChoice()
    training: TrainingChoice = TrainingChoice()
    profile: ProfileChoice = ProfileChoice()
    baselines: BaselineChoice = BaselineChoice()
    finalists: Annotated[int, Field(ge=1, le=1000)] | None = None
    export: ExportChoice = ExportChoice()
    accelerator: Literal["cpu", "cuda"] = "cpu"
    fork: Key | None = Field(default=None, description="Key of a run of the same task whose networks it begins with.")

    @model_validator(mode="after")
    def _is_whole(self) -> RunDocument:
        if (self.task is None) == (self.dataset is None):
            raise PydanticCustomError("data", "a task or a data set, and not both")
        return self


class ExportRequest(Document):
    """A network to be exported."""

    key: Annotated[str, StringConstraints(pattern=KEY)] = Field(
        default="auto", description="auto, knee, best, fastest or the key of a network."
    )
    formats: Annotated[list[options.Format], Field(min_length=1, max_length=9)] | None = None
    measure: bool = True


def digest(document: dict[str, Any]) -> str:
    """Return what two documents have in common exactly if they ask for the same."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
