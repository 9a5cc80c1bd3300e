"""Checks that every sampler over a space has to pass, for the tests of plug-ins, as ``optuna.testing`` has them.

A plug-in's test derives from :class:`SamplerTestCase` and says how its sampler is made::

    from runs.search.testing import SamplerTestCase


    class TestMine(SamplerTestCase):
        @pytest.fixture
        def make(self):
            return my_plugin.build_my_sampler  # from (space, *, seed, problem) to a sampler

It needs pytest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from predictors.cost import CostModel
from runs.objectives import Budget, objectives_by_name
from runs.search.config import SearchResult
from runs.search.loop import run_search
from runs.search.optuna.genes import distributions, genes_of, params_of
from runs.search.problem import Problem
from runs.search.recorder import StudyRecord
from runs.search.registry import build_sampler
from search_space import Architecture, Genes, SearchSpace, TaskShape, features, space_from_mapping
from supernet import catalogue

__all__ = ["IMAGE", "MakeSampler", "SamplerTestCase", "SyntheticQuality", "of_registry", "small_space"]

IMAGE = TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4))
_SMALL = {
    "name": "small",
    "embed_dim": [16, 24, 32],
    "depth": [1, 2, 3],
    "head_dim": 8,
    "mixer": ["softmax", "identity"],
    "num_heads": [1, 2],
    "channel_mixer": ["mlp", "identity"],
    "ratio": [1, 2],
    "precision": ["float", "w8a8", "w8", "w4"],
}
_TEN_NETWORKS: dict[str, Any] = {
    "embed_dim": [16, 24],
    "depth": [1],
    "num_heads": [1],
    "ratio": [1, 2],
    "precision": ["float"],
}
_OBJECTIVES = [
    ("validation_error",),
    ("validation_error", "latency_ms"),
    ("size_bytes", "validation_error", "latency_ms"),
    ("latency_ms", "size_bytes"),
]


class MakeSampler(Protocol):
    """Makes the sampler that is checked, with the defaults of its settings."""

    def __call__(self, space: SearchSpace, *, seed: int, problem: Problem) -> BaseSampler:
        """Return a sampler for one study over ``space``."""


def small_space(*, task: TaskShape = IMAGE, **overrides: Any) -> SearchSpace:
    """Return a small space, of image classifiers by default; ``overrides`` replace parts of its declaration."""
    return space_from_mapping({**_SMALL, **overrides}, task=task, catalogue=catalogue())


class SyntheticQuality:
    """Real costs, and a made-up, smooth validation error that prefers large and varied networks.

    Parameters
    ----------
    space
        The space whose networks are evaluated.

    Attributes
    ----------
    calls
        How often each network was evaluated, by key.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space, self.exact = space, CostModel(space)
        self.calls: Counter[str] = Counter()
        width = features(space, space.encode([space.smallest])).shape[1]
        self.weights = np.random.default_rng(5).normal(size=width)

    def cost_function(self, genes: Genes) -> dict[str, NDArray[np.float64]]:
        """Return what needs no evaluation, ``(n,)`` by name, of ``(n, genes)``."""
        flops = self.exact.flops(genes).astype(float)
        size = self.exact.size_bytes(genes).astype(float)
        return {"latency_ms": 0.1 + flops * 1e-5, "size_bytes": size, "flops": flops}

    def error(self, genes: Genes) -> NDArray[np.float64]:
        """Return the validation errors ``(n,)`` of ``(n, genes)``."""
        capacity = np.log(self.exact.flops(genes))
        taste = np.tanh(features(self.space, genes) @ self.weights / 4)
        return np.asarray(90 * np.exp(-0.25 * (capacity - 10)) + 2 * taste + 2)

    def evaluate(self, architecture: Architecture) -> float:
        """Return the validation error of a network, and count it."""
        self.calls[architecture.key] += 1
        return float(self.error(self.space.encode([architecture]))[0])

    def problem(
        self,
        n_trials: int,
        objectives: Sequence[str] = ("validation_error", "latency_ms"),
        budget: Budget | None = None,
    ) -> Problem:
        """Return the problem of a search."""
        return Problem(
            objectives=objectives_by_name(objectives),
            budget=budget or Budget(),
            cost_function=self.cost_function,
            n_trials=n_trials,
        )

    def search(
        self, problem: Problem, *, sampler: str = "nasweave", seed: int = 0, record: StudyRecord | None = None
    ) -> SearchResult:
        """Return the result of a search with a sampler of the registry."""
        made = build_sampler(sampler, self.space, problem=problem, seed=seed)
        return run_search(self.space, problem=problem, sampler=made, evaluate=self.evaluate, record=record)


class SamplerTestCase:
    """What every sampler keeps: canonical, legal, never the same network twice, one seed one search, an end.

    A subclass defines the fixture ``make``.
    """

    @pytest.fixture
    def quality(self) -> SyntheticQuality:
        """Return a search whose answer is known."""
        return SyntheticQuality(small_space())

    def _search(
        self,
        make: MakeSampler,
        quality: SyntheticQuality,
        problem: Problem,
        *,
        seed: int = 0,
        record: StudyRecord | None = None,
    ) -> SearchResult:
        sampler = make(quality.space, seed=seed, problem=problem)
        return run_search(quality.space, problem=problem, sampler=sampler, evaluate=quality.evaluate, record=record)

    def _keys(self, make: MakeSampler, quality: SyntheticQuality, n: int, *, seed: int) -> list[str]:
        return [e.key for e in self._search(make, quality, quality.problem(n), seed=seed).evaluated]

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_in_a_study_of_ones_own(self, make: MakeSampler, quality: SyntheticQuality, n_jobs: int) -> None:
        """Canonical parameters of new, legal networks, and a parameter of the user's beside them, in threads too."""
        space = quality.space
        problem = quality.problem(25)

        def objective(trial: optuna.Trial) -> tuple[float, float]:
            assert 0.0 <= trial.suggest_float("mine", 0.0, 1.0) <= 1.0
            architecture = space.suggest(trial)
            space.validate(architecture)
            costs = quality.cost_function(space.encode([architecture]))
            return quality.evaluate(architecture), float(costs["latency_ms"][0])

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=make(space, seed=3, problem=problem))
        study.optimize(objective, n_trials=25, n_jobs=n_jobs)
        assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 25
        if n_jobs == 1:
            assert len(quality.calls) == 25 and set(quality.calls.values()) == {1}
        for trial in study.trials:
            row = genes_of(space, trial.params)
            assert row is not None
            chosen = {k: v for k, v in trial.params.items() if k in distributions(space)}
            assert chosen == params_of(space, row), "the parameters are those of the canonical row"

    @pytest.mark.parametrize("objectives", _OBJECTIVES, ids=",".join)
    def test_any_objectives(self, make: MakeSampler, quality: SyntheticQuality, objectives: tuple[str, ...]) -> None:
        """One to three objectives in any order, with a limit that half of the networks are over."""
        sample = quality.space.sample_genes(np.random.default_rng(0), 500)
        limit = float(np.median(quality.exact.flops(sample)))
        result = self._search(make, quality, quality.problem(20, objectives, Budget(limits={"flops": limit})))
        assert len({e.key for e in result.evaluated}) == 20 and not result.failed
        for e in result.evaluated:
            assert e.feasible == (e.values["flops"] <= limit)
            assert e.values["validation_error"] == quality.error(quality.space.encode([e.architecture]))[0]

    def test_one_seed_one_search(self, make: MakeSampler, quality: SyntheticQuality) -> None:
        """The same networks for the same seed, whatever the global random state, which stays as it is."""
        state = np.random.get_state()[1].tolist()  # type: ignore[index]
        first = self._keys(make, quality, 22, seed=4)
        assert np.random.get_state()[1].tolist() == state  # type: ignore[index]
        assert self._keys(make, quality, 22, seed=4) == first
        assert self._keys(make, quality, 22, seed=5) != first

    def test_resume_continues(self, make: MakeSampler, quality: SyntheticQuality, tmp_path: Path) -> None:
        """A second process goes on with what is in the study, and evaluates nothing again."""
        record = StudyRecord(storage_url=f"sqlite:///{tmp_path}/a.db")
        first, both = (
            [e.key for e in self._search(make, quality, quality.problem(n), record=record).evaluated] for n in (14, 22)
        )
        assert both[:14] == first and len(set(both)) == 22
        assert set(quality.calls.values()) == {1} and len(quality.calls) == 22

    def test_a_small_space_is_searched_to_its_end(self, make: MakeSampler) -> None:
        """Every network of a space is found, once, and the search ends."""
        quality = SyntheticQuality(small_space(**_TEN_NETWORKS))
        assert round(10**quality.space.log10_size) == 10
        result = self._search(make, quality, quality.problem(50))
        assert result.exhausted and len(result.evaluated) == 10 == len(quality.calls)
        assert set(quality.calls.values()) == {1}

    def test_what_is_proposed_are_choices_of_plain_types(self, make: MakeSampler, quality: SyntheticQuality) -> None:
        """Every parameter of the space, with a value of Python's own types that its distribution holds."""
        space = quality.space
        expected = distributions(space)
        study = optuna.create_study(
            directions=["minimize"] * 2, sampler=make(space, seed=0, problem=quality.problem(20))
        )
        for value in range(4):
            trial = study.ask(dict(expected))
            assert trial.params.keys() == expected.keys()
            for name, choice in trial.params.items():
                assert choice in expected[name].choices and not isinstance(choice, np.generic)
            study.tell(trial, [float(value), 1.0])
        assert study.sampler.infer_relative_search_space(study, study.trials[0]) == expected

    def test_an_enqueued_network_is_evaluated(self, make: MakeSampler, quality: SyntheticQuality) -> None:
        """What a user queues comes first, whatever the sampler would propose."""
        space = quality.space
        study = optuna.create_study(
            directions=["minimize"] * 2, sampler=make(space, seed=0, problem=quality.problem(20))
        )
        study.enqueue_trial(params_of(space, space.encode([space.largest])[0]))
        assert space.suggest(study.ask()) == space.largest


def of_registry(name: str) -> MakeSampler:
    """Return the maker of a sampler of the registry, with the defaults of its settings."""
    return partial(build_sampler, name)
