"""What a search believes of networks: the model of learning curves over what was bought and what is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.genotype import Floats
from runs.search.fidelities.candidates import best_donors, name_of
from runs.search.fidelities.curves import CurveModel
from runs.search.fidelities.ledger import Ledger
from runs.search.fidelities.task import Action, FidelityTask
from search_space import Genes

__all__ = ["Beliefs"]

# How much a logarithm counts beside the features. Of a part of the networks that were trained alone on the digits (20),
# clinc150 (15) and Fashion-MNIST (8), the errors of the others were predicted: with 1 and no parameters their rank
# correlation was .69, .11 and .61, with these it is .73, .61 and .85, and the likelihood is higher on all.
_OF_COSTS, _OF_PARAMS = 3, 12


class Beliefs:
    """Predicts the logarithm of the error of networks of a task, from the observations of a ledger.

    Parameters
    ----------
    task, ledger
        The ledger may grow; :meth:`fit` takes up what is new.
    """

    def __init__(self, task: FidelityTask, ledger: Ledger) -> None:
        self.task, self._ledger = task, ledger
        self._model = CurveModel(first=task.rungs[0], full=task.rungs[-1] + task.inherited_steps)

    def fit(self, *, learn: bool = True) -> None:
        """Take up all observations; hyperparameters may change unless ``learn`` is off."""
        network, steps, error, noise = self._ledger.rows()
        floor = self._ledger.floor
        self._model.fit(
            self._features(self._ledger.trained[0])[network],
            network=network,
            steps=steps + self._ledger.worth[network],
            log_error=np.log(error + floor),
            noise=noise / (error + floor),
            learn=learn,
        )

    def of(self, genes: Genes, *, network: NDArray[np.intp], steps: Floats) -> tuple[Floats, Floats]:
        """Return mean and deviation ``(n,)`` of networks of given numbers, after steps that count what they began with.

        The floor of the ledger is in the errors whose logarithms these are.
        """
        return self._model.predict(self._features(genes), network=network, steps=steps)

    def of_trained(self, *, steps: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the same of all that is trained, after ``steps`` of their own."""
        genes = self._ledger.trained[0]
        return self.of(genes, network=np.arange(len(genes)), steps=steps + self._ledger.worth)

    def estimates(self) -> tuple[Floats, Floats]:
        """Return the error of all that is trained as the model sees it, and its deviation in logarithms, ``(n,)`` each.

        What was observed bounds it: at most the standard error of the last observation lies between.
        """
        self.fit(learn=False)
        _, steps, last = self._ledger.trained
        mean, deviation = self.of_trained(steps=steps)
        return np.clip(self.errors(mean), last - self._ledger.noise, last + self._ledger.noise), deviation

    def at_rungs(
        self, genes: Genes, *, network: NDArray[np.intp], done: NDArray[np.int64], worth: Floats
    ) -> tuple[Floats, Floats]:
        """Return the same at every rung, or now where a rung is behind a network, ``(n, rungs)``."""
        features = self._features(genes)
        curves = [
            self._model.predict(features, network=network, steps=worth + np.maximum(rung, done))
            for rung in self.task.rungs
        ]
        mean, deviation = (np.stack(columns, axis=1) for columns in zip(*curves, strict=True))
        return mean, deviation

    def errors(self, log_error: Floats) -> Floats:
        """Return the errors of means of logarithms."""
        found: Floats = np.exp(log_error) - self._ledger.floor
        return found

    def donors(self, genes: Genes, *, others: Sequence[Action] = ()) -> tuple[NDArray[np.intp], Floats]:
        """Return the best donor of each row among the trained networks, -1 for none, and what it is worth in steps.

        Those that the actions of ``others`` change cannot be had.
        """
        told, steps, _ = self._ledger.trained
        worth = np.minimum(steps + self._ledger.worth, self.task.rungs[-1])
        changing = {action.genes for action in others}
        worth[[name in changing for name in self._ledger.networks]] = 0.0
        return best_donors(self.task, genes, told=told, worth=worth)

    def expected_errors(self, genes: Genes) -> Floats:
        """Return the error that each of ``(n, genes)`` networks, trained or not, is expected to have in the end."""
        self.fit(learn=False)
        network = self._ledger.numbers([name_of(row) for row in genes])
        worth = np.where(network >= 0, self._ledger.worth[network], self.donors(genes)[1])
        return self.errors(self.of(genes, network=network, steps=self.task.rungs[-1] + worth)[0])

    def _features(self, genes: Genes) -> Floats:
        """Return what the model reads: the genotype's features, and logarithms of known objectives, costs and sizes."""
        x = self.task.genotype.features(genes)
        some = max(1, x.shape[1] // 20)  # a few columns that matter beside many that hardly do
        known = [(np.log(self.task.known(genes)), _OF_COSTS), (np.log(self.task.step_cost(genes))[:, None], _OF_COSTS)]
        if self.task.params is not None:
            known.append((np.log(self.task.params(genes))[:, None], _OF_PARAMS))
        return np.concatenate([x, *(np.repeat(values, n * some, axis=1) for values, n in known)], axis=1)
