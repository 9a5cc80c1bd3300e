"""What a model-based search is given, as arrays, and what each keeps: the evaluated networks and those to avoid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, overload

import numpy as np

from runs.search.algorithms.genotype import Floats, Genotype, keys
from runs.search.algorithms.nsga2 import Effort, ranked
from search_space import Genes

__all__ = ["ArrayProblem", "AskTell", "Predictions", "Surrogate"]

# A surrogate is fitted to so many networks at most, the best and a random choice: the time of a refit is bounded.
_FITTED_ON = 2000


class Surrogate(Protocol):
    """A model of one expensive value, with uncertainty."""

    def fit(self, genes: Genes, values: Floats) -> Any:
        """Fit to ``(n, genes)`` and ``(n,)``."""

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[False] = False) -> Floats: ...

    @overload
    def predict(self, genes: Genes, *, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, genes: Genes, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the mean, with ``return_std`` also the standard deviation, ``(n,)`` each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """All columns of any network: the known ones by formula, the others by fitted surrogates."""

    models: Sequence[Surrogate | None]
    known: Callable[[Genes], Floats] | None

    def expect(self, genes: Genes) -> Floats:
        """Return the expected values ``(n, columns)`` alone, which is quicker than with deviations."""
        mean = self._known(genes)
        for column, model in enumerate(self.models):
            if model is not None:
                mean[:, column] = model.predict(genes)
        return mean

    def predict(self, genes: Genes) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, ``(n, columns)`` each; the deviation of what is known is 0."""
        mean = self._known(genes)
        std = np.zeros_like(mean)
        for column, model in enumerate(self.models):
            if model is not None:
                mean[:, column], std[:, column] = model.predict(genes, return_std=True)
        return mean, std

    def _known(self, genes: Genes) -> Floats:
        return np.zeros((len(genes), len(self.models))) if self.known is None else np.array(self.known(genes), float)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrayProblem:
    """A search problem as arrays: every value is a column, all minimised.

    First come the objectives, then values that only a limit needs.

    Parameters
    ----------
    genotype
        The genes.
    num_objectives
        How many of the columns are objectives.
    limits
        Upper limit of each column, ``(columns,)``; infinite where there is none.
    surrogates
        For each column a factory of its surrogate, or ``None`` where ``known`` gives it.
    known
        From genes to ``(n, columns)``; columns with a surrogate are not read. ``None`` when every column has one.
    known_deviation
        From genes to the standard deviations ``(n, columns)`` of the known values, such as a predicted latency's. It
        counts in the chance that a limit holds, and not in the gain: no evaluation is going to lessen it.
    corners
        Networks that come first.
    """

    genotype: Genotype
    num_objectives: int
    limits: Floats
    surrogates: Sequence[Callable[[], Surrogate] | None]
    known: Callable[[Genes], Floats] | None = None
    known_deviation: Callable[[Genes], Floats] | None = None
    corners: Genes | None = None

    def fit(self, genes: Genes, values: Floats, rng: np.random.Generator) -> Predictions:
        """Fit every surrogate to ``(n, genes)`` and ``(n, columns)``, or to a part of a long history."""
        if len(genes) > _FITTED_ON and any(self.surrogates):
            order = ranked(values, num_objectives=self.num_objectives, limits=self.limits, wanted=_FITTED_ON // 2)
            rest = rng.permutation(order[_FITTED_ON // 2 :])[: _FITTED_ON // 2]
            rows = np.sort(np.concatenate([order[: _FITTED_ON // 2], rest]))
            genes, values = genes[rows], values[rows]
        models = [None if make is None else make() for make in self.surrogates]
        for column, model in enumerate(models):
            if model is not None:
                model.fit(genes, values[:, column])
        return Predictions(models=models, known=self.known)


class AskTell(ABC):
    """A search that is asked for networks and told their values.

    Parameters
    ----------
    problem
        What is searched.
    effort
        The effort of an evolution over predictions.
    """

    def __init__(self, problem: ArrayProblem, *, effort: Effort) -> None:
        self.problem, self.effort = problem, effort
        width = len(problem.genotype.cards)
        self.genes, self.values = np.zeros((0, width), np.int16), np.zeros((0, len(problem.limits)))
        self.seen = keys(self.genes)

    def avoid(self, genes: Genes) -> None:
        """Never propose these rows: they run elsewhere, or they failed."""
        self.seen = np.concatenate([self.seen, keys(self.problem.genotype.canonical(genes))])

    def tell(self, genes: Genes, values: Floats) -> None:
        """Add ``(n, genes)`` evaluated networks and their ``(n, columns)`` values."""
        genes = self.problem.genotype.canonical(genes)
        self.genes, self.values = np.concatenate([self.genes, genes]), np.concatenate([self.values, values])
        self.avoid(genes)

    @abstractmethod
    def ask(self, n: int, rng: np.random.Generator) -> Genes:
        """Return up to ``n`` new, distinct networks, best first; fewer only where no more were found."""
