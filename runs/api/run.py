"""A run from Python: everything that a verb of the command line does, as methods."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pandas as pd

from hardware_profiles import Profile
from hardware_profiles.atomic import write_atomically
from runs.api.exported import Exported
from runs.api.reporting import reporter
from runs.api.tables import candidates_table
from runs.app.record import Asked, is_recorded, recorded, write_record
from runs.checks import check_value
from runs.evaluation.candidates import FoundNetworks
from runs.pipeline.config import Config
from runs.pipeline.context import Command, Context, open_context
from runs.pipeline.plan import Plan, Stage
from runs.pipeline.plans import plan_of
from search_space import SearchSpace
from search_space.errors import ConfigError
from supernet import Supernet
from supernet.tasks import Origin, TaskData

__all__ = ["OWN_DATA", "Run"]

OWN_DATA = "data"
"""In a run's folder, the folder of the examples that a program held."""

T = TypeVar("T")


class Run:
    """One run: its configuration, its folder, and what its stages have made.

    Each method first does what it needs and what is not done yet; after a crash the same call goes on where it
    stopped. A run is a context manager, which closes its database.

    Attributes
    ----------
    path
        The run's folder.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        folder: Path,
        progress: bool = False,
        data: TaskData | None = None,
        origin: Origin | None = None,
        temporary: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self.path = folder
        self._asked, self._data, self._temporary = asked, data, temporary
        self._origin = origin
        self._reporter = reporter(progress=progress)
        self._plan: Plan | None = None
        self._seconds: dict[str, float] = {}

    @property
    def config(self) -> Config:
        """The typed configuration."""
        return self._asked.config

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({self.config.name!r}, task={self.config.task.name!r}, path={str(self.path)!r})"

    def close(self) -> None:
        """Close the database; the run may be used again, unless its outputs are temporary."""
        self._leave_plan()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def space(self) -> SearchSpace:
        """The search space, bound to the task."""
        return self._context.space

    @property
    def seconds(self) -> Mapping[str, float]:
        """The seconds that each stage took so far, by its name."""
        from runs.pipeline.plan import SECONDS

        now = {} if self._plan is None else self._plan.run(SECONDS)
        return {name: self._seconds.get(name, 0.0) + now.get(name, 0.0) for name in {**self._seconds, **now}}

    def profile(self, *, time_budget: str | None = None) -> Profile:
        """Return the latencies of this machine, measured where they are not known.

        Parameters
        ----------
        time_budget
            Stop after this long, such as ``"90s"`` or ``"5m"``.
        """
        from runs.pipeline.stages.profile import PROFILE

        if time_budget is not None:
            self._change({"profile.time_budget": time_budget})
        return self._do(PROFILE)

    def train(self, *, steps: int | None = None) -> Supernet:
        """Return the trained supernet."""
        from runs.pipeline.stages.train import TRAIN

        if steps is not None:
            self._change({"training.steps": steps})
        return self._do(TRAIN)

    def search(self, n_trials: int | None = None, *, time_budget: str | None = None) -> pd.DataFrame:
        """Search, and return all networks that were evaluated; columns as for :meth:`candidates`.

        Parameters
        ----------
        n_trials
            How many networks are evaluated in total, by a search that evaluates networks with a supernet's weights.
        time_budget
            How long networks are trained in total, such as ``"20m"``, by a search in fidelities, which is the default.
        """
        from runs.pipeline.stages.search import SEARCH

        for name, given, method, instead in (
            ("n_trials", n_trials, "fidelities", "give time_budget, or create the run with {'search': 'nasweave'}"),
            ("time_budget", time_budget, "sampler", "give n_trials"),
        ):
            legal = given is None or self.config.search.method != method
            check_value(name, given, f"nothing where search.method is {method}", legal, remedy=instead)
        if n_trials is not None:
            self._change({"search.n_trials": n_trials})
        if time_budget is not None:
            self._change({"search.fidelities.time_budget": time_budget})
        self._do(SEARCH)
        return self.candidates()

    def candidates(self) -> pd.DataFrame:
        """Return every network that was evaluated, a row each by key.

        The column ``architecture`` holds it; the others are its values by name, with the ends of the 90 % intervals of
        those that are predicted (``latency_low_ms``, ``latency_high_ms``), and ``trial``, its number in the search.
        """
        return candidates_table(self._found().candidates)

    def front(self, *, measured: bool = False) -> pd.DataFrame:
        """Return the networks that nothing dominates within the budget, cheapest first; columns as for ``candidates``.

        Parameters
        ----------
        measured
            Whether to measure their latencies again, and test them: the columns ``measured_latency_ms``, where this
            machine is the profiled one, and ``test_error``.
        """
        from runs.pipeline.stages.finalists import FINALISTS
        from runs.pipeline.stages.search import SEARCH

        if measured:
            self._do(FINALISTS)
        else:
            self._do(SEARCH)
        return candidates_table(self._found().front)

    def report(self) -> Path:
        """Write the report, with pictures and tables; returns its HTML page."""
        from runs.pipeline.stages.report import REPORT

        return self._do(REPORT)

    def finetune(self, key: str = "auto", *, steps: int | None = None) -> None:
        """Train a network further; :meth:`export` then takes its weights.

        Parameters
        ----------
        key
            ``auto``, ``knee``, ``best``, ``fastest`` or the key of an evaluated network.
        steps
            Steps of training; those of the configuration when ``None``.
        """
        from runs.pipeline.stages.finetune import FINETUNE

        self._change({"key": key} | ({} if steps is None else {"finetune.steps": steps}))
        self._do(FINETUNE)

    def export(
        self, key: str = "auto", *, formats: Sequence[str] | None = None, measure: bool | None = None
    ) -> Exported:
        """Write a network in several formats, with its parity, hashes and a model card.

        Parameters
        ----------
        key
            ``auto`` (the best within a budget, the knee of the front without one), ``knee``, ``best``, ``fastest`` or
            the key of an evaluated network.
        formats
            Names such as ``onnx``, ``pt2``, ``safetensors``; those of the configuration when ``None``.
        measure
            Whether to measure latency and memory of each file in a process of its own.
        """
        from runs.pipeline.stages.export import EXPORT

        chosen = {"key": key, "export.formats": formats, "export.measure": measure}
        self._change({name: value for name, value in chosen.items() if value is not None})
        path = self._do(EXPORT)
        return Exported(key=path.name, path=path)

    @property
    def _context(self) -> Context:
        return self._planned().context

    def _change(self, values: Mapping[str, object]) -> None:
        """Take other values of dotted keys; what was made under the former is found again in the run's folder."""
        changed = self._asked.but(values)
        if changed.config != self.config:
            self._leave_plan()
            self._asked = changed

    def _leave_plan(self) -> None:
        if self._plan is not None:
            self._seconds = dict(self.seconds)
            self._plan.context.close()
            self._plan = None

    def _planned(self) -> Plan:
        if self._plan is None:
            if self._temporary is not None and not Path(self._temporary.name).exists():
                raise ConfigError(
                    "outputs",
                    expected="a run that is still there",
                    got="a temporary one, which is closed",
                    remedy="use it before it is closed, or create the run with a folder as outputs",
                )
            for file in self._origin.files.values() if self._origin is not None else ():
                if not (self.path / OWN_DATA / file.name).exists():
                    write_atomically(self.path / OWN_DATA / file.name, file.read_bytes())
            context = open_context(
                self.config,
                folder=self.path,
                command=Command(overrides=self._asked.words),
                reporter=self._reporter,
                data=self._data,
            )
            if not is_recorded(self.path):
                write_record(self.path, self._asked)
            self._data = context.data
            self._plan = plan_of(context)
        return self._plan

    def _do(self, stage: Stage[T]) -> T:
        plan = self._planned()
        with recorded(self.path, self._asked):
            return plan.run(stage)

    def _found(self) -> FoundNetworks:
        from runs.pipeline.search_record import found_networks
        from runs.pipeline.stages.devices import DEVICES

        return found_networks(self._context, self._do(DEVICES))
