"""What every method of ``benchmarks.anytime`` is given, and its clock: processor seconds of training and evaluation.

The latencies are predicted from a shipped profile that all methods share. The corner of the hypervolume is the test
error of a plain model on the same split (logistic regression on pixels or on counts of pieces, interpolated trigrams of
bytes) and the latency of the largest network: what lies beyond it is of no use.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware_profiles import Profile
from hardware_profiles.devices import locate
from predictors import CostModel, LatencyPredictor
from runs.app.compose import compose
from runs.evaluation.references import simple_models
from runs.search.fidelities import FidelitiesConfig
from search_space import Architecture, Genes, SearchSpace, space_from_mapping
from search_space.errors import NasweaveError
from supernet import Network, catalogue
from supernet.calibration import calibrate
from supernet.tasks import TASKS, TaskData
from supernet.training import Evaluator, Quality, TrainingConfig

__all__ = [
    "BUDGETS",
    "PROFILES",
    "Curve",
    "Point",
    "Setting",
    "add_setting_arguments",
    "measure_one_search",
    "open_setting",
]

PROFILES = {
    "vit_tiny": "amd_epyc_2c_onnxruntime_t1_vit_tiny",
    "vit_mixed": "amd_epyc_2c_onnxruntime_t1_vit_mixed",
    "text": "intel_xeon_2c_onnxruntime_t1_text",
    "text_causal": "amd_epyc_2c_onnxruntime_t1_text_causal",
}
BUDGETS = {
    "digits": (180.0, 360.0, 720.0),
    "fashion_mnist": (900.0, 1800.0, 3600.0),
    "clinc150": (600.0, 1200.0, 2400.0),
    "gutenberg": (1200.0, 2400.0, 4800.0),
}
"""The processor seconds at which the methods are compared on each task."""

# Of 2,000 texts of clinc150 the standard error was .6 points, a third of what fronts differ by; windows have many.
_MOST_TEST, _MOST_WINDOWS = 5000, 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A network as it was after ``seconds``: its last state until a later point of the same key."""

    seconds: float
    key: str
    steps: int
    validation: float
    test: float
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Task, space, latencies and training, the same for all methods.

    Parameters
    ----------
    training, rounds
        How a supernet is trained, and how networks alone are, ours and the rivals'.
    search
        How ours is set by default.
    reference
        Test error and latency in ms of the corner.
    simple_error
        The validation error of the plain model of the corner, which a search may know.
    """

    data: TaskData
    space: SearchSpace
    latency: LatencyPredictor
    costs: CostModel
    training: TrainingConfig
    rounds: TrainingConfig
    search: FidelitiesConfig
    reference: tuple[float, float]
    simple_error: float

    def known(self, genes: Genes) -> NDArray[np.float64]:
        """Return the latency in ms, ``(n, 1)``."""
        return self.latency.predict(genes)[:, None]


@dataclass(kw_only=True)
class Curve:
    """The clock of one method's run, and the points that it came to.

    Parameters
    ----------
    limit
        Processor seconds after which the method stops.

    Attributes
    ----------
    points, fronts
        The states of networks, and the keys that the method would hand over from a time on, where it chooses them
        itself and not by the validation errors of their last states.
    """

    setting: Setting
    limit: float
    points: list[Point] = field(default_factory=list)
    fronts: list[tuple[float, list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        data = self.setting.data
        examples = _MOST_TEST if data.test.targets.dim() == 1 else _MOST_WINDOWS
        self._test = Evaluator(data, split=data.test, bf16=self.setting.training.bf16, examples=examples)
        self._begin, self._left_out = time.process_time(), 0.0

    @property
    def seconds(self) -> float:
        """Processor seconds so far."""
        return time.process_time() - self._begin - self._left_out

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return self.seconds >= self.limit

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        begin = time.process_time()
        try:
            yield
        finally:
            self._left_out += time.process_time() - begin

    def add(self, architecture: Architecture, quality: Quality, *, steps: int, network: Network) -> None:
        """Add the state of a network; judging it by the test split is not on the clock."""
        seconds = self.seconds
        with self._stopped():
            test = self._test(calibrate(network, self.setting.data)).error
            latency = float(self.setting.latency.predict(self.setting.space.encode([architecture]))[0])
        self.points.append(
            Point(
                seconds=seconds,
                key=architecture.key,
                steps=steps,
                validation=quality.error,
                test=test,
                latency_ms=latency,
            )
        )


def open_setting(task: str, overrides: Sequence[str], *, data_root: Path) -> Setting:
    """Return the setting of a task under overrides as a user types them; raises ``DataError`` without its data."""
    config = compose(overrides=[f"task={task}", *overrides])
    fidelities = config.search.fidelities
    options = {k: v for k, v in config.task.options.items() if v is not None}
    data = TASKS[task].load(data_root=data_root, options=options)
    space = space_from_mapping(config.space, task=data.shape, catalogue=catalogue())
    name = config.profile.path or PROFILES[space.name]
    profile = Profile.load(locate(name, folder=Path(config.outputs) / "profiles", parameter="profile.path"))
    latency = LatencyPredictor(space).fit(profile)
    simple = simple_models(data)[0]
    largest = float(latency.predict(space.encode([space.largest]))[0])
    return Setting(
        data=data,
        space=space,
        latency=latency,
        costs=CostModel(space),
        training=config.training,
        rounds=config.rounds_training(examples=len(data.train), pretrained=False),
        search=fidelities,
        reference=(simple.test_error, largest),
        simple_error=simple.validation_error,
    )


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every program that opens a setting takes."""
    parser.add_argument("--task", default="digits", choices=sorted(BUDGETS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--data-root", type=Path, default=Path(os.environ.get("NASWEAVE_DATA", "../shared/data")))
    parser.add_argument("override", nargs="*", help="as nasweave run takes them")


def measure_one_search(
    parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], dict[str, Any]]
) -> dict[str, Any] | None:
    """Parse the arguments of a program about one search, and return what it measured unless that was printed as JSON.

    Raises
    ------
    SystemExit
        With the line of what was wrong.
    """
    add_setting_arguments(parser)
    parser.add_argument("--budget", type=float, help="processor seconds of the search; the task's middle budget")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.budget = options.budget or BUDGETS[options.task][1]
    try:
        result = measure(options)
    except NasweaveError as error:
        raise SystemExit(f"{parser.prog}: {error}") from error
    if not options.json:
        return result
    print(json.dumps(result, indent=1))
    return None
