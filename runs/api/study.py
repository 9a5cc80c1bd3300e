"""The samplers of nasweave inside a study of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from predictors.cost import CostModel
from runs.checks import check_value
from runs.objectives import Budget, exact_costs, objectives_by_name
from runs.search import Problem
from runs.search.registry import build_sampler
from search_space import Genes, SearchSpace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["sampler"]

Costs = Mapping[str, Callable[[Genes], NDArray[np.float64]]]


def sampler(
    name: str,
    space: SearchSpace,
    *,
    objectives: Sequence[str] = ("validation_error", "size_bytes"),
    costs: Costs | None = None,
    budget: Mapping[str, float] | None = None,
    n_trials: int = 200,
    seed: int = 0,
    **settings: Any,
) -> BaseSampler:
    """Return a sampler for ``optuna.create_study`` whose objective function calls ``space.suggest(trial)``.

    Parameters
    ----------
    name
        A sampler, such as ``nasweave``, ``linas`` or ``nsga2``.
    space
        The space that the study's trials choose from.
    objectives
        The names of the study's objectives, in order.
    costs
        Values that need no evaluation, from a gene matrix ``(n, genes)`` to ``(n,)``: such as
        ``{"latency_ms": predictor.predict}``. Sizes, parameters, FLOPs and peak memory are known without.
    budget
        Upper limits by name.
    n_trials
        How many networks the study is going to evaluate.
    seed
        A number that is not negative.
    settings
        The sampler's own.

    Raises
    ------
    ConfigError
        A name is unknown, or a setting is illegal.
    """
    check_value("objectives", objectives, "a list of names", not isinstance(objectives, str), remedy="write [NAME]")
    check_value("seed", seed, "0 or more", seed >= 0, remedy="correct it")
    exact = CostModel(space)

    def cost_function(genes: Genes) -> dict[str, NDArray[np.float64]]:
        given = {name: np.asarray(cost(genes), float) for name, cost in (costs or {}).items()}
        return exact_costs(exact, genes) | given

    problem = Problem(
        objectives=objectives_by_name(tuple(objectives)),
        budget=Budget(limits=dict(budget or {})),
        cost_function=cost_function,
        n_trials=n_trials,
    )
    return build_sampler(name, space, problem=problem, seed=seed, settings=settings)
