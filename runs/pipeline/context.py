"""The values of one run, made once from its configuration and checked against each other."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from hardware_profiles import Device, Runtime, Setting, this_device
from predictors import CostModel
from runs.evaluation.config import brief_training
from runs.evaluation.network import weights_fingerprint
from runs.objectives import STEP_TIMES, Budget, Objective, objectives_by_name
from runs.pipeline.accelerator import torch_device
from runs.pipeline.ahead.begun import explained, note_begun
from runs.pipeline.ahead.declared import check_head, declared_space
from runs.pipeline.ahead.executable import available_runtime, check_executable, executed_exactly
from runs.pipeline.ahead.phases import check_lengths, check_phases
from runs.pipeline.config import Config
from runs.pipeline.run_folder import run_folder
from runs.profiling.target import Target
from runs.reporter import Reporter, SilentReporter
from runs.store import AnotherRunError, Run, Store
from search_space import SearchSpace, space_from_mapping
from supernet import catalogue
from supernet.pretrained import Pretrained
from supernet.tasks import TASKS, TaskData, aimed
from supernet.training import TrainingConfig

__all__ = ["Command", "Context", "open_context", "task_data"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What a user typed; empty where a program uses the library."""

    verb: str = "run"
    overrides: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The command, safe for a shell."""
        return shlex.join(["nasweave", self.verb, *self.overrides])

    @property
    def searches(self) -> bool:
        """Whether a finished search goes on under more time; reports and exports take it as it is."""
        return self.verb in ("run", "search", "compress", "worker")

    @property
    def export(self) -> str:
        """The command that exports from the same run, but for its last argument, ``key=...``."""
        return shlex.join(["nasweave", "export", *(o for o in self.overrides if not o.startswith("key="))])


@dataclass(frozen=True, kw_only=True)
class Context:
    """The values of one run, which stages take and never change.

    What not every stage needs is opened when it is first asked for: the database and the run's row in it, and the
    accelerator. A training needs no database, and a profile no accelerator.

    Parameters
    ----------
    config
        The typed configuration.
    folder
        Where the run's files go.
    command
        What a user typed, for reports.
    reporter
        Where progress and messages go.
    data
        The task's data.
    space
        The search space bound to the task; the runtime executes it, and it holds the checkpoint to start from.
    pretrained
        The checkpoint that a training starts from, if any.
    runtime, setting, device
        What networks are deployed with, how it runs, and this machine.
    """

    config: Config
    folder: Path
    command: Command = field(default_factory=Command)
    reporter: Reporter = field(default_factory=SilentReporter)
    data: TaskData
    space: SearchSpace
    pretrained: Pretrained | None
    runtime: Runtime
    setting: Setting
    device: Device

    @cached_property
    def accelerator(self) -> torch.device:
        """Where this process trains and evaluates networks."""
        return torch_device(self.config.accelerator)

    @cached_property
    def store(self) -> Store:
        """The database."""
        return Store.open(self.config.store)

    def close(self) -> None:
        """Close the connections to the database, if any was opened."""
        if "store" in self.__dict__:
            self.store.close()

    @cached_property
    def run(self) -> Run:
        """The run's row in the database, made where there is none; ``StoreError`` says how another run's differs."""
        try:
            found = self.store.open_run(
                os.path.relpath(self.folder, self.outputs),
                task=self.config.task.name,
                name=self.config.name,
                space_fingerprint=self.space.fingerprint,
                space_json=self.space.to_json(),
            )
        except AnotherRunError as error:
            raise explained(self, error) from error
        note_begun(self)
        return found

    @cached_property
    def costs(self) -> CostModel:
        """The exact costs of whole populations."""
        cache_tokens = self.config.hardware.cache_tokens or 0
        return CostModel(self.space, sequences=self.setting.batch_size, cache_tokens=cache_tokens)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the search optimises; the validation error is called and read as the task's own metric."""
        found = objectives_by_name(self.config.search.objectives)
        return tuple(o if o.metric is None else o.read_as(self.data.metric) for o in found)

    @property
    def budget(self) -> Budget:
        """The upper limits that the user set."""
        return self.config.limits

    @property
    def target(self) -> Target:
        """What measurements of this machine belong to."""
        return Target(space=self.space, device=self.device, runtime=self.runtime, setting=self.setting)

    @property
    def decode_target(self) -> Target:
        """What measurements of the step of a decoder on this machine belong to."""
        setting = replace(self.setting, phase="decode", tokens=self.config.hardware.cache_tokens or 0)
        return replace(self.target, setting=setting)

    @property
    def decodes(self) -> bool:
        """Whether networks decode token by token, and the runtime runs that."""
        return self.data.shape.causal and self.runtime.decodes

    @property
    def asks_decode(self) -> bool:
        """Whether an objective or a limit is of the step of a decoder."""
        return bool(STEP_TIMES & {*self.config.search.objectives, *self.budget.limits})

    @property
    def brief(self) -> TrainingConfig | None:
        """How each network is finetuned before it is evaluated; ``None`` where the supernet's weights are."""
        return brief_training(self.config.evaluation, self.config.finetune, self.config.training)

    @property
    def supernet_fingerprint(self) -> str:
        """Twelve hexadecimal digits of all that decides the trained weights, a supernet's or those of networks."""
        parts = [self.space.fingerprint, self.config.training.hash, self.data.data_hash]
        if self.pretrained is not None:
            parts.append(self.pretrained.hash)
        return hashlib.sha256("-".join(parts).encode()).hexdigest()[:12]

    @property
    def supernet_folder(self) -> Path:
        """Folder of the supernet's checkpoint and training curve, shared by all runs that train it the same way."""
        return self.outputs / self.config.task.name / "supernets" / self.supernet_fingerprint

    @property
    def weights_fingerprint(self) -> str:
        """What decides the weights of every network of the run."""
        if self.config.search.method == "fidelities":
            own, rate = self.config.search.fidelities, self.rounds_training.learning_rate
            share = "" if own.donor_share == 1 else f"-{own.donor_share:g}"
            forgets = "" if own.decay_passes is None or self.pretrained is not None else f"-forgets{own.decay_passes:g}"
            taught = "" if self.pretrained is None else f"-{own.teacher_steps}-{own.teacher_weight:g}"
            return f"trained-{self.supernet_fingerprint}-{own.optimizer}-{rate:g}{share}{forgets}{taught}"
        return weights_fingerprint(self.supernet_fingerprint, self.brief)

    @property
    def rounds_training(self) -> TrainingConfig:
        """How a search in fidelities trains its networks."""
        return self.config.rounds_training(examples=len(self.data.train), pretrained=self.pretrained is not None)

    @property
    def outputs(self) -> Path:
        """The folder of all runs."""
        return Path(self.config.outputs)

    @property
    def profiles(self) -> Path:
        """The folder of all profiles."""
        return self.outputs / "profiles"

    @property
    def lock(self) -> Path:
        """The lock file that one command at a time holds while it works in the run's folder."""
        return self.folder / ".lock"


def task_data(config: Config) -> TaskData:
    """Return the data of a configuration's task; raises ``NasweaveError`` where it cannot be read or does not fit."""
    task, checkpoint, options = TASKS[config.task.name], _checkpoint(config), config.task.options
    given = options if checkpoint is None else task.beside_checkpoint(options, checkpoint)
    data = task.load(data_root=Path(config.data_root), options=given)
    return aimed(data, config.task.aim)


def _checkpoint(config: Config) -> Path | None:
    """Return the folder of the checkpoint that networks start from, if there is one."""
    return None if config.init.path is None else Path(os.path.expanduser(config.init.path))


def open_context(
    config: Config,
    *,
    folder: Path | None = None,
    command: Command | None = None,
    reporter: Reporter | None = None,
    data: TaskData | None = None,
) -> Context:
    """Return the context of a run.

    Parameters
    ----------
    config
        The typed configuration.
    folder
        Where the run's files go; ``outputs/task/name`` of the configuration when ``None``.
    command
        What a user typed.
    reporter
        Where progress and messages go; silent when ``None``.
    data
        The task's data; loaded from ``config.data_root`` when ``None``.

    Raises
    ------
    RuntimeUnavailableError
        This machine has not the runtime.
    SpaceError
        The space is not legal, or has choices that the runtime does not execute or the checkpoint does not hold.
    NasweaveError
        The task's data cannot be read.
    """
    hardware, data = config.hardware, task_data(config) if data is None else data
    check_phases(config, data.shape)
    runtime, reporter = available_runtime(hardware.runtime), reporter or SilentReporter()
    if data.kind in ("numbers", "vectors") and config.training.label_smoothing:
        reporter.message("training.label_smoothing is of classes: it is 0, for this task has none")
        config = replace(config, training=replace(config.training, label_smoothing=0.0))
    device = this_device(cuda=runtime.accelerated)
    checkpoint = _checkpoint(config)
    pretrained = None if checkpoint is None else Pretrained(checkpoint, token_rows=data.token_rows)
    declared = declared_space(config.space, pretrained, runtime, task=data.shape)
    if config.profile.path is None:  # of this machine
        declared = executed_exactly(declared, runtime, device, reporter=reporter)
    space = space_from_mapping(declared, task=data.shape, catalogue=catalogue())
    check_head(space, data.shape)
    check_executable(space, runtime)
    check_lengths(config.hardware, space)
    if pretrained is not None:
        pretrained.check(space)
    return Context(
        config=config,
        folder=run_folder(outputs=config.outputs, task=config.task.name, name=config.name)
        if folder is None
        else folder,
        command=command or Command(),
        reporter=reporter,
        data=data,
        space=space,
        pretrained=pretrained,
        runtime=runtime,
        setting=Setting(
            runtime=hardware.runtime,
            threads=hardware.threads,
            batch_size=hardware.batch_size,
            tokens=hardware.prompt_tokens or 0,
        ),
        device=device,
    )
