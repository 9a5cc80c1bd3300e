"""Everything a stage works with, made from the configuration when it is first asked for."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from hardware_profiles import RUNTIMES, Device, Runtime, Setting, this_device
from predictors import CostModel
from runs.accelerator import torch_device
from runs.objectives import Budget, Objective, objectives_by_name
from runs.pipeline.config import Config
from runs.store import Run, Store
from search_space import Genes, SearchSpace, space_from_mapping
from search_space.errors import RuntimeUnavailableError, SpaceError
from supernet import catalogue
from supernet.pretrained import Pretrained
from supernet.tasks import TASKS, TaskData

__all__ = ["Workspace"]


class Workspace:
    """A run folder with its configuration.

    Parameters
    ----------
    config
        The typed configuration.
    folder
        Where the run's files go.
    verb, overrides
        What the user typed.
    console
        Where progress and messages go.
    """

    def __init__(
        self, config: Config, *, folder: Path, verb: str, overrides: tuple[str, ...], console: Console
    ) -> None:
        self.config, self.folder, self.verb, self.overrides, self.console = config, folder, verb, overrides, console
        self.results: dict[str, object] = {}  # of stages that this command has done, by name

    @property
    def command(self) -> str:
        """What the user typed, safe for a shell."""
        return shlex.join(["nasweave", self.verb, *self.overrides])

    @property
    def export_command(self) -> str:
        """The command that exports from this run, but for its last argument, ``key=...``."""
        return shlex.join(["nasweave", "export", *(o for o in self.overrides if not o.startswith("key="))])

    @cached_property
    def data(self) -> TaskData:
        """The task's data."""
        options = {k: v for k, v in self.config.task.options.items() if v is not None}
        return TASKS[self.config.task.name].load(data_root=Path(self.config.data_root), options=options)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space bound to the task; the runtime executes it, and it holds the checkpoint to start from."""
        space = space_from_mapping(self.config.space, task=self.data.shape, catalogue=catalogue())
        runtime = self.runtime
        for gene, known in (("precision", runtime.precisions), ("float_precision", runtime.float_precisions)):
            for value in getattr(space, gene):
                if value not in known:
                    raise SpaceError(
                        f"space.{gene}",
                        expected=f"what {runtime.name} executes ({', '.join(sorted(known))})",
                        got=value,
                        remedy="remove it from the space or choose another runtime",
                    )
        for kind, keys in (("mixer", space.mixer), ("channel_mixer", space.channel_mixer)):
            for key in keys:
                if runtime.family not in space.catalogue.spec(kind, key).runtimes:  # type: ignore[arg-type]
                    raise SpaceError(
                        f"space.{kind}",
                        expected=f"what {runtime.name} executes correctly",
                        got=key,
                        remedy="remove it from the space or choose another runtime",
                    )
        if self.pretrained is not None:
            self.pretrained.check(space)
        return space

    @cached_property
    def pretrained(self) -> Pretrained | None:
        """The checkpoint that the supernet starts from, if any."""
        path = self.config.init.path
        return None if path is None else Pretrained(Path(path).expanduser())

    @cached_property
    def runtime(self) -> Runtime:
        """The runtime that networks are deployed with."""
        runtime = RUNTIMES[self.config.hardware.runtime]
        reason = runtime.unavailable()
        if reason is not None:
            raise RuntimeUnavailableError(
                "hardware.runtime", expected="a runtime of this machine", got=runtime.name, remedy=reason
            )
        return runtime

    @cached_property
    def setting(self) -> Setting:
        """How the runtime runs."""
        hardware = self.config.hardware
        return Setting(runtime=hardware.runtime, threads=hardware.threads, batch_size=hardware.batch_size)

    @cached_property
    def device(self) -> Device:
        """This machine, with its CUDA device where the runtime computes there."""
        return this_device(cuda=self.runtime.accelerated)

    @cached_property
    def accelerator(self) -> torch.device:
        """Where this process trains and evaluates the supernet."""
        return torch_device(self.config.accelerator)

    @cached_property
    def store(self) -> Store:
        """The database."""
        return Store.open(self.config.store)

    @cached_property
    def run(self) -> Run:
        """The run's row in the database."""
        return self.store.open_run(
            os.path.relpath(self.folder, self.outputs),
            task=self.config.task.name,
            name=self.config.name,
            space_fingerprint=self.space.fingerprint,
            space_json=self.space.to_json(),
        )

    @cached_property
    def budget(self) -> Budget:
        """The upper limits that the user set."""
        return Budget(limits={name: limit for name, limit in self.config.budget.items() if limit is not None})

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the search optimises; the validation error is called and read as the task's own metric."""
        names, data = self.config.search.objectives, self.data
        found = objectives_by_name(names)
        if data.unit == "%":
            return found
        label = f"Validation {data.metric}"
        return tuple(replace(o, unit=data.unit, label=label) if o.name == "validation_error" else o for o in found)

    @cached_property
    def costs(self) -> CostModel:
        """Exact costs of whole populations."""
        return CostModel(self.space)

    def exact_values(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        """Return every value that a formula gives, by objective name, ``(n,)`` each."""
        return {
            "size_bytes": self.costs.size_bytes(genes).astype(float),
            "params": self.costs.params(genes).astype(float),
            "flops": self.costs.flops(genes).astype(float),
            "peak_activation_bytes": self.costs.peak_activation_bytes(genes).astype(float),
        }

    @property
    def outputs(self) -> Path:
        """The folder of all runs."""
        return Path(self.config.outputs)
