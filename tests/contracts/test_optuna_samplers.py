"""Optuna's own contract of samplers, as far as it applies to samplers whose parameters are those of a fixed space.

Its relative cases ask a sampler for any distributions they make up; ours propose the genes of their space, so their
counterparts for a space stand here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from runs.objectives import objectives_by_name
from runs.search import SAMPLERS, Problem, distributions
from search_space import SearchSpace
from tests.runs.search.problem import Bench

cases = pytest.importorskip("optuna.testing.pytest_samplers", reason="this Optuna has no contract tests of samplers")
Maker = Callable[[], BaseSampler]


def _maker(space: SearchSpace, name: str, *objectives: str) -> Maker:
    problem = Problem(objectives=objectives_by_name(objectives), cost_function=Bench(space).cost_function, n_trials=20)
    return lambda: SAMPLERS[name](space, seed=0, problem=problem)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


class TestBasic(cases.BasicSamplerTestCase):
    @pytest.fixture(params=["nasweave", "nsga3"])
    def sampler(self, request: pytest.FixtureRequest, space: SearchSpace) -> Maker:
        return _maker(space, request.param, "validation_error")


class TestMultiObjective(cases.MultiObjectiveSamplerTestCase):
    @pytest.fixture(params=["nasweave", "linas"])
    def sampler(self, request: pytest.FixtureRequest, space: SearchSpace) -> Maker:
        return _maker(space, request.param, "validation_error", "latency_ms")


@pytest.mark.parametrize("name", list(SAMPLERS))
class TestRelative:
    """What ``RelativeSamplerTestCase`` asks, of the parameters of a space."""

    def test_values_are_choices_of_plain_types(self, name: str, space: SearchSpace) -> None:
        study = optuna.create_study(sampler=_maker(space, name, "validation_error")())
        expected = distributions(space)
        for value in range(3):
            trial = study.ask(dict(expected))
            study.tell(trial, float(value))
        frozen = study._storage.get_trial(study._storage.create_new_trial(study._study_id))
        assert study.sampler.infer_relative_search_space(study, frozen) == expected
        params = study.sampler.sample_relative(study, frozen, expected)
        assert params.keys() == expected.keys()
        for key, value in params.items():
            assert value in expected[key].choices and not isinstance(value, np.generic)

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_in_threads(self, name: str, n_jobs: int, space: SearchSpace) -> None:
        bench = Bench(space)
        study = optuna.create_study(
            directions=["minimize"] * 2, sampler=_maker(space, name, "validation_error", "latency_ms")()
        )

        def objective(trial: optuna.Trial) -> tuple[float, float]:
            architecture = space.suggest(trial)
            space.validate(architecture)
            latency = bench.cost_function(space.encode([architecture]))["latency_ms"]
            return bench.evaluate(architecture), float(latency[0])

        study.optimize(objective, n_trials=12, n_jobs=n_jobs)
        assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 12
