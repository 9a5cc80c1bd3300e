"""Optuna's own contract of samplers, as far as it applies to samplers whose parameters are those of a fixed space.

Its relative cases ask a sampler for any distributions they make up; ours propose the genes of their space, so their
counterparts for a space are in ``runs.search.testing``.
"""

from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from optuna.samplers import BaseSampler

from runs.search import build_sampler
from search_space import SearchSpace
from tests.runs.search.problem import SyntheticQuality

cases = pytest.importorskip("optuna.testing.pytest_samplers", reason="this Optuna has no contract tests of samplers")
Maker = Callable[[], BaseSampler]


def _maker(space: SearchSpace, name: str, *objectives: str) -> Maker:
    problem = SyntheticQuality(space).problem(20, objectives)
    return lambda: build_sampler(name, space, problem=problem)


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
