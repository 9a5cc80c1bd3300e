"""The peers' way: a population evolved on predicted values is evaluated whole, and the predictors are fitted again.

LINAS of DyNAS-T and SimQ-NAS (Cummings et al., "A hardware-aware framework for accelerating neural architecture search
across modalities", 2022): a random population first; then each population is what NSGA-II ends with on the predictions
alone, without what was evaluated already. Uncertainty and the front that exists play no part.
"""

from __future__ import annotations

import numpy as np

from runs.search.algorithms.ask_tell import ArrayProblem, AskTell
from runs.search.algorithms.genotype import distinct, keys
from runs.search.algorithms.nsga2 import Effort, evolve_front
from search_space import Genes

__all__ = ["LinasSearch"]


class LinasSearch(AskTell):
    """Populations by predicted values.

    Parameters
    ----------
    problem
        What is searched.
    population
        How many random networks come before the first predictor; ask for as many at once.
    effort
        The effort of the evolution over predictions.
    """

    def __init__(self, problem: ArrayProblem, *, population: int = 50, effort: Effort | None = None) -> None:
        super().__init__(problem, effort=effort or Effort())
        self.population = population

    def ask(self, n: int, rng: np.random.Generator) -> Genes:
        """Return up to ``n`` new, distinct networks, best first; fewer only where no more were found."""
        genotype = self.problem.genotype
        if len(self.genes) < self.population and any(self.problem.surrogates):
            cards = genotype.cards
            drawn = genotype.canonical(rng.integers(0, cards, (4 * n + 64, len(cards))))
            return distinct(drawn, apart_from=self.seen)[:n]
        start = genotype.canonical(rng.integers(0, genotype.cards, (self.effort.parents, len(genotype.cards))))
        genes = evolve_front(
            genotype,
            values_of=self.problem.fit(self.genes, self.values, rng).expect,
            start=distinct(np.concatenate([self.genes[-self.effort.parents :], start])),
            num_objectives=self.problem.num_objectives,
            limits=self.problem.limits,
            effort=self.effort,
            rng=rng,
        )
        return genes[~np.isin(keys(genes), self.seen)][:n]
