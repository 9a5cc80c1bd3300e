"""What is searched: the objectives, the limits, and where every value comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from predictors.quality import QualityPredictor
from runs.objectives import Budget, Objective
from runs.search.algorithms.ask_tell import Surrogate
from runs.search.algorithms.genotype import CostFunction
from search_space import SearchSpace
from search_space.errors import ConfigError

__all__ = ["Problem"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is optimised over a space, and all that a sampler may know of it.

    Parameters
    ----------
    objectives
        What is optimised, in order.
    budget
        Upper limits by name.
    cost_function
        From a gene matrix ``(n, genes)`` to ``(n,)`` values by name: every objective and limited value that needs no
        evaluation.
    deviation
        From a gene matrix to the standard deviations ``(n,)`` of those costs that are predicted themselves, such as a
        latency, by name; a limit then holds with a probability.
    n_trials
        How many distinct networks are evaluated in total; a resumed search continues up to it.
    surrogate
        Makes the model of an evaluated objective, for samplers that use one.
    """

    objectives: tuple[Objective, ...]
    budget: Budget = field(default_factory=Budget)
    cost_function: CostFunction
    deviation: CostFunction | None = None
    n_trials: int = 200
    surrogate: Callable[[SearchSpace], Surrogate] = QualityPredictor

    def __post_init__(self) -> None:
        if self.n_trials < 1:
            raise ConfigError("n_trials", expected="1 or more", got=str(self.n_trials), remedy="give a larger number")

    @property
    def columns(self) -> tuple[Objective, ...]:
        """The objectives, then those values that only the budget limits."""
        names = {objective.name for objective in self.objectives}
        return (*self.objectives, *(o for o in self.budget.objectives if o.name not in names))
