"""The typed configuration of a run. Building it from what Hydra composed is ``runs.app.config``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any

from hardware_profiles import RUNTIMES
from runs.checks import check_value
from runs.evaluation.config import BaselinesConfig, EvaluationConfig, FinetuneConfig
from runs.export.formats import FORMATS
from runs.objectives import Budget, device_of
from runs.pipeline.accelerator import ACCELERATORS
from runs.profiling.config import ProfileConfig
from runs.search import SearchConfig, WorkersConfig
from search_space.errors import ConfigError
from search_space.spec import Scalar
from supernet.tasks import Aim
from supernet.training import TrainingConfig

__all__ = [
    "BenchConfig",
    "Config",
    "DoctorConfig",
    "ExportConfig",
    "HardwareConfig",
    "InitConfig",
    "TaskConfig",
]

LEAST_SEARCH = 0.25  # of the search's time is left, however long a checkpoint's own training takes


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """A task, its own options, and what its networks are judged by and trained for.

    Parameters
    ----------
    name
        Of the task in its registry.
    options
        The task's own.
    metric
        What networks are judged by, such as macro_f1: validation_error is what lacks of it, and the search minimises
        that. The task's own when null.
    loss
        What training minimises; the metric, where it can be a loss, else the task's own when null.
    quantile
        Of the metric quantile_loss, 0.9 when null.
    class_weights
        balanced weighs an example in the loss the more, the rarer its class is in training.
    sampling
        balanced shows training each class equally often, rare examples again and again.
    validation_share
        Share of the examples of train and validation together that validation gets, instead of the task's own split.
    folds, fold
        Cut these into so many parts, and take this one, from 0, as validation.
    """

    name: str
    options: dict[str, Scalar | None] = field(default_factory=dict)
    metric: str | None = None
    loss: str | None = None
    quantile: float | None = None
    class_weights: str | None = None
    sampling: str | None = None
    validation_share: float | None = None
    folds: int | None = None
    fold: int = 0

    def __post_init__(self) -> None:
        for key, value in (("task.class_weights", self.class_weights), ("task.sampling", self.sampling)):
            check_value(key, value, "balanced or null", value in (None, "balanced"))
        share, level, folds = self.validation_share, self.quantile, self.folds
        check_value("task.validation_share", share, "between 0 and 1, or null", share is None or 0 < share < 1)
        check_value("task.quantile", level, "between 0 and 1, or null", level is None or 0 < level < 1)
        used = "quantile_loss" in (self.metric, self.loss)
        check_value("task.quantile", level, "null without task.metric=quantile_loss", level is None or used)
        check_value("task.folds", folds, "2 or more, or null", folds is None or folds >= 2)
        known = range(1 if folds is None else folds)
        check_value("task.fold", self.fold, f"0 to {len(known) - 1} of task.folds", self.fold in known)

    @property
    def aim(self) -> Aim:
        """What networks are judged by and trained for."""
        return Aim(**{f.name: getattr(self, f.name) for f in fields(Aim)})


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwareConfig:
    """The runtime a network is deployed with, and how.

    Parameters
    ----------
    runtime
        What executes networks.
    threads, batch_size
        Of one run.
    prompt_tokens
        Length of the prompts that latency_ms and ttft_ms of a causal task are of; the task's length when null.
    cache_tokens
        Length that decode_ms and cache_bytes of a causal task have room for; the task's length when null.
    """

    runtime: str
    threads: int
    batch_size: int
    prompt_tokens: int | None = None
    cache_tokens: int | None = None

    def __post_init__(self) -> None:
        check_value("hardware.threads", self.threads, "1 or more", self.threads >= 1)
        check_value("hardware.batch_size", self.batch_size, "1 or more", self.batch_size >= 1)
        for name in ("prompt_tokens", "cache_tokens"):
            value = getattr(self, name)
            check_value(f"hardware.{name}", value, "1 or more, or null", value is None or value >= 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class InitConfig:
    """What the first weights are: random ones, or those of a checkpoint.

    Parameters
    ----------
    format
        ``hf``, a folder as Hugging Face's ``save_pretrained`` writes it; ``None`` without a checkpoint.
    path
        The folder.
    """

    format: str | None
    path: str | None

    def __post_init__(self) -> None:
        check_value("init.format", self.format, "hf or null", self.format in ("hf", None))
        if (self.format is None) != (self.path is None):
            raise ConfigError(
                "init",
                expected="a format and the path of a checkpoint, or neither",
                got=f"format {self.format} and path {self.path}",
                remedy="write init=hf path=DIR",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportConfig:
    """Formats by registry name, and whether each file is timed in a process of its own."""

    formats: tuple[str, ...]
    measure: bool

    def __post_init__(self) -> None:
        check_value("export.formats", list(self.formats), "at least one format", bool(self.formats))
        for name in self.formats:
            check_value("export.formats", name, f"formats among {', '.join(FORMATS)}", name in FORMATS)


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchConfig:
    """What ``nasweave bench`` measures; what is not given keeps the default of that benchmark.

    Parameters
    ----------
    what
        A benchmark of ``runs.app.benches``.
    path
        Of what is measured, where it is not the run.
    batch
        Batch sizes.
    seconds
        Time for each.
    json
        Whether to print JSON in place of a table.
    """

    what: str
    path: str | None
    batch: tuple[int, ...]
    seconds: float
    json: bool

    def __post_init__(self) -> None:
        check_value("bench.batch", list(self.batch), "sizes of 1 or more", self.batch and min(self.batch) >= 1)
        check_value("bench.seconds", self.seconds, "more than 0", self.seconds > 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorConfig:
    """How the machine's abilities are printed."""

    json: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything a verb may need; ``space`` stays a declaration, for ``search_space`` checks it."""

    name: str
    outputs: str
    store: str = field(repr=False)  # it may hold a password
    data_root: str
    task: TaskConfig
    space: dict[str, Any]
    hardware: HardwareConfig
    devices: dict[str, str]
    profile: ProfileConfig
    init: InitConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    search: SearchConfig
    workers: WorkersConfig
    fork: str | None
    compare: tuple[str, ...]
    budget: dict[str, float | None]
    baselines: BaselinesConfig
    accelerator: str
    finalists: int
    sensitivity: bool
    finetune: FinetuneConfig
    export: ExportConfig
    bench: BenchConfig
    key: str
    doctor: DoctorConfig
    time_budget: float | str | None

    def __post_init__(self) -> None:
        check_value("finalists", self.finalists, "1 or more", self.finalists >= 1)
        for key, value, registry in (
            ("hardware.runtime", self.hardware.runtime, RUNTIMES),
            ("accelerator", self.accelerator, ACCELERATORS),
        ):
            check_value(key, value, f"one of {', '.join(registry)}", value in registry)
        check_value("compare", list(self.compare), "two names or more", len(self.compare) != 1)
        for device in self.devices:
            check_value("devices", device, "names of letters, digits, - and _", re.fullmatch(r"[A-Za-z][\w-]*", device))
        for name in (*self.search.objectives, *self.limits.limits):
            device_name = device_of(name)
            if device_name is not None and device_name not in self.devices:
                raise ConfigError(
                    name,
                    expected=f"a device of devices ({', '.join(self.devices) or 'none is given'})",
                    got=f"{device_name!r}, which has no profile",
                    remedy=f"name its profile, devices.{device_name}=FILE.json, or leave {name} out",
                )

    @property
    def limits(self) -> Budget:
        """The upper limits that are set; raises ``NasweaveError`` for an unknown name or a limit that is none."""
        return Budget(limits={name: limit for name, limit in self.budget.items() if limit is not None})

    def search_seconds(self, *, teacher: float) -> float:
        """The seconds of a search in fidelities, when the checkpoint's own training took ``teacher`` seconds.

        A ``time_budget`` of the whole run counts them; a quarter of the search's own time is left at least.
        """
        own = self.search.fidelities
        if self.time_budget is None:
            return own.seconds
        return max(own.seconds - teacher / own.shares, LEAST_SEARCH * own.seconds)

    def rounds_training(self, *, examples: int, pretrained: bool) -> TrainingConfig:
        """How a search in fidelities trains its networks, on so many examples."""
        own = self.search.fidelities
        rate = own.rate(self.training.learning_rate, pretrained=pretrained)
        decay, size = self.training.weight_decay, self.training.batch_size
        if not pretrained:  # what a checkpoint knows is not to be forgotten
            decay = own.decay(decay, rate=rate, batch_size=size, examples=examples)
        return replace(self.training, learning_rate=rate, weight_decay=decay)
