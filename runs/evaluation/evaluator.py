"""The quality of the networks of a run: looked up where it is known, else evaluated on the validation split.

What a quality depends on, the checkpoint, the data and the way of evaluating, is hashed into a context; runs of one
context, such as those for another device or budget, share every evaluation. With ``evaluation.early_stop`` a network
that another one dominates almost surely is left (:mod:`runs.evaluation.pruning`): its recorded value is the mean over
the part that was seen, ``validation_fraction`` says how large that was, it never enters a front and no other run uses
it. With ``evaluation.finetune_steps`` each network is finetuned for so long before it is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property

from runs.evaluation.config import EvaluationConfig
from runs.evaluation.network import Networks
from runs.evaluation.pruning import Archive
from runs.evaluation.quality import named
from runs.objectives import is_partial
from runs.search import CostFunction
from runs.store import Evaluations
from search_space import Architecture
from supernet.calibration import calibrate
from supernet.training import Evaluator, Quality

__all__ = ["QualityEvaluator"]


class QualityEvaluator:
    """Gives the quality of any network of a run by name of value.

    Parameters
    ----------
    networks
        The networks of the run.
    known
        The evaluations under this way of evaluating.
    config
        The way of evaluating.
    cost_function
        From a gene matrix to the values that need no evaluation.
    archive
        Against which networks are pruned; ``None`` to evaluate every one as a whole.

    Attributes
    ----------
    evaluated
        How many networks were really evaluated, and not looked up.
    """

    def __init__(
        self,
        networks: Networks,
        *,
        known: Evaluations,
        config: EvaluationConfig,
        cost_function: CostFunction,
        archive: Archive | None = None,
    ) -> None:
        self.networks, self.known, self.config, self.cost_function = networks, known, config, cost_function
        self.evaluated = 0
        self._archive = archive

    @cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(
            self.networks.data,
            split=self.networks.data.validation,
            device=next(self.networks.supernet.parameters()).device,
            batch_size=self.config.batch_size,
            bf16=self.config.bf16,
            examples=self.config.examples,
        )

    def __call__(self, architecture: Architecture, *, whole: bool = False) -> dict[str, float]:
        """Return the quality of a network; with ``whole`` never that of a part of the examples."""
        found, archive = self.known.find(architecture.key), self._archive
        if archive is None:
            return found or self._evaluate(architecture, should_prune=None)
        genes = self.networks.supernet.space.encode([architecture])
        costs = {name: float(column[0]) for name, column in self.cost_function(genes).items()}

        def should_prune(seen: Quality) -> bool:
            looks = math.ceil(seen.total / self.config.batch_size) - 1
            return archive.should_prune(costs, seen, looks=looks)

        values = found or self._evaluate(architecture, should_prune=None if whole else should_prune)
        archive.add({**costs, **values})
        return values

    def _evaluate(
        self, architecture: Architecture, *, should_prune: Callable[[Quality], bool] | None
    ) -> dict[str, float]:
        if self.networks.brief is None:  # no copy of the weights
            quality = self._evaluator(self.networks.supernet, architecture, should_prune=should_prune)
        else:
            network = calibrate(self.networks(architecture), self.networks.data)
            quality = self._evaluator(network, should_prune=should_prune)
        self.evaluated += 1
        values = named(quality)
        if not all(math.isfinite(value) for value in values.values()):
            raise ValueError(f"the quality is not finite: {asdict(quality)}")
        if not is_partial(values):
            self.known.add(architecture.key, values)
        return values
