"""Typed configuration: what Hydra composed, checked, as frozen dataclasses. ``DictConfig`` stops here."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hardware_profiles import RUNTIMES
from hardware_profiles.duration import seconds
from runs.accelerator import ACCELERATORS
from runs.app.benches import BENCHES
from runs.export.formats import FORMATS
from runs.objectives import device_of, objective_named
from runs.search import SAMPLERS, SearchConfig, WorkersConfig
from search_space.errors import ConfigError
from search_space.spec import Scalar
from supernet.training import TrainingConfig

__all__ = ["Config", "from_hydra"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConfig:
    """The task's registry name and its own options."""

    name: str
    options: dict[str, Scalar | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwareConfig:
    """The runtime a network is deployed with, and how."""

    runtime: str
    threads: int
    batch_size: int

    def __post_init__(self) -> None:
        _check("hardware.threads", self.threads, "1 or more", self.threads >= 1)
        _check("hardware.batch_size", self.batch_size, "1 or more", self.batch_size >= 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileConfig:
    """How much is measured and how precisely; times in seconds, but ``time_budget`` is a duration such as ``5m``."""

    path: str | None
    networks: int
    precision: float
    max_seconds: float
    time_budget: float | str | None
    memory: bool
    bundle: str | None
    import_results: str | None
    seed: int

    def __post_init__(self) -> None:
        _check("profile.networks", self.networks, "0 or more", self.networks >= 0)
        _check("profile.precision", self.precision, "a number between 0 and 1", 0 < self.precision < 1)
        _check("profile.max_seconds", self.max_seconds, "more than 0", self.max_seconds > 0)
        assert self.time_budget_s is None or self.time_budget_s > 0
        _check("profile.seed", self.seed, "0 or more", self.seed >= 0)

    @property
    def time_budget_s(self) -> float | None:
        """The time budget in seconds."""
        return None if self.time_budget is None else seconds(self.time_budget, parameter="profile.time_budget")


@dataclass(frozen=True, kw_only=True, slots=True)
class InitConfig:
    """What the supernet's weights start from: random ones, or a checkpoint.

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
        _check("init.format", self.format, "hf or null", self.format in ("hf", None))
        if (self.format is None) != (self.path is None):
            raise ConfigError(
                "init",
                expected="a format and the path of a checkpoint, or neither",
                got=f"format {self.format} and path {self.path}",
                remedy="write init=hf path=DIR",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How the quality of a network is evaluated on the validation split.

    Parameters
    ----------
    bf16
        Whether to compute in bfloat16.
    batch_size
        Examples at a time.
    examples
        How many examples of the split a network is judged by in the search; all when ``None``. Finalists see all.
    finetune_steps
        Steps of finetuning, as ``finetune`` sets it, after which a network is judged, tested and exported; 0 for the
        supernet's weights.
    early_stop
        Whether to leave a network, after a part of the examples, that the front already dominates almost surely.
    """

    bf16: bool
    batch_size: int
    examples: int | None
    finetune_steps: int
    early_stop: bool

    def __post_init__(self) -> None:
        _check("evaluation.batch_size", self.batch_size, "1 or more", self.batch_size >= 1)
        _check("evaluation.finetune_steps", self.finetune_steps, "0 or more", self.finetune_steps >= 0)
        _check("evaluation.examples", self.examples, "1 or more, or null", self.examples is None or self.examples >= 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselinesConfig:
    """How many networks of each baseline are evaluated."""

    random: int
    uniform: int

    def __post_init__(self) -> None:
        _check("baselines.random", self.random, "0 or more", self.random >= 0)
        _check("baselines.uniform", self.uniform, "0 or more", self.uniform >= 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneConfig:
    """How long and how fast a chosen network is trained further; the rest is as in the training of the supernet.

    ``learning_rate`` is the supernet's where it is ``None``. ``race`` is the number of networks within the budget that
    race for being finetuned; 0 finetunes the chosen one.
    """

    steps: int
    learning_rate: float | None
    distillation_weight: float
    race: int

    def __post_init__(self) -> None:
        _check("finetune.race", self.race, "0, or 2 or more networks", self.race == 0 or self.race >= 2)

    def training(self, supernet: TrainingConfig) -> TrainingConfig:
        """Return the hyperparameters, given those of the supernet."""
        return replace(
            supernet,
            steps=self.steps,
            learning_rate=supernet.learning_rate if self.learning_rate is None else self.learning_rate,
            distillation_weight=self.distillation_weight,
            num_random=0,
            teacher_phase=0.0,
            opening_phase=0.0,
            split_batch=False,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportConfig:
    """Formats by registry name, and whether each file is timed in a process of its own."""

    formats: tuple[str, ...]
    measure: bool

    def __post_init__(self) -> None:
        _check("export.formats", list(self.formats), "at least one format", bool(self.formats))
        for name in self.formats:
            _check("export.formats", name, f"formats among {', '.join(FORMATS)}", name in FORMATS)


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
        _check("bench.what", self.what, f"one of {', '.join(BENCHES)}", self.what in BENCHES)
        _check("bench.batch", list(self.batch), "sizes of 1 or more", self.batch and min(self.batch) >= 1)
        _check("bench.seconds", self.seconds, "more than 0", self.seconds > 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorConfig:
    """How the machine's abilities are printed."""

    json: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything a verb may need; ``space`` stays a declaration, for ``search_space`` checks it."""

    name: str
    outputs: str
    store: str
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

    def __post_init__(self) -> None:
        _check("finalists", self.finalists, "1 or more", self.finalists >= 1)
        for key, value, registry in (
            ("search.sampler", self.search.sampler, SAMPLERS),
            ("hardware.runtime", self.hardware.runtime, RUNTIMES),
            ("accelerator", self.accelerator, ACCELERATORS),
        ):
            _check(key, value, f"one of {', '.join(registry)}", value in registry)
        _check("compare", list(self.compare), "two names or more", len(self.compare) != 1)
        for device in self.devices:
            _check("devices", device, "names of letters, digits, - and _", re.fullmatch(r"[A-Za-z][\w-]*", device))
        for name in (*self.search.objectives, *(name for name, limit in self.budget.items() if limit is not None)):
            device_name = device_of(objective_named(name, parameter="budget").name)
            if device_name is not None and device_name not in self.devices:
                raise ConfigError(
                    name,
                    expected=f"a device of devices ({', '.join(self.devices) or 'none is given'})",
                    got=f"{device_name!r}, which has no profile",
                    remedy=f"name its profile, devices.{device_name}=FILE.json, or leave {name} out",
                )


def _check(key: str, value: object, expected: str, legal: object) -> None:
    if not legal:
        raise ConfigError(key, expected=expected, got=repr(value), remedy="correct the override")


def from_hydra(composed: DictConfig) -> Config:
    """Return the typed form; raises ``ConfigError`` naming the key for anything unknown, missing or of a wrong type."""
    try:
        data = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(
            str(error.full_key or "configuration"),
            expected="a value",
            got="none",
            remedy=str(error.msg or error).splitlines()[0],
        ) from error
    return _build(Config, data, "")


def _build(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, Mapping):
        raise ConfigError(where, expected="a group of keys", got=repr(data), remedy="choose an option of the group")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise ConfigError(
                f"{where}{key}",
                expected=f"one of {', '.join(sorted(known))}",
                got=repr(key),
                remedy="correct or remove it",
            )
    for name, f in known.items():
        if name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{where}{name}", expected="a value", got="nothing", remedy="add it")
    return kind(**{key: _value(hints[key], value, f"{where}{key}") for key, value in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), value, f"{where}.")
    if origin in (types.UnionType, typing.Union):
        for option in args:
            try:
                return _value(option, value, where)
            except ConfigError:
                continue
    elif hint in (type(None), None):
        if value is None:
            return None
    elif origin in (tuple, list) and isinstance(value, list | tuple):
        return tuple(_value(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    elif origin in (dict, Mapping) and isinstance(value, Mapping):
        return {str(k): _value(args[1], item, f"{where}.{k}") for k, item in value.items()}
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(hint, type) and isinstance(value, hint) and not (isinstance(value, bool) and hint is int):
        return value
    name = getattr(hint, "__name__", None) if origin is None else None
    raise ConfigError(where, expected=f"a value of type {name or hint}", got=repr(value), remedy="correct the override")
