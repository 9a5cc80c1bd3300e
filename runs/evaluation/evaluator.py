"""The quality of the networks of a run: looked up where it is known, else evaluated on the validation split.

What a quality depends on, the checkpoint, the data and the way of evaluating, is hashed into a context; runs of one
context, such as those for another device or budget, share every evaluation. With ``evaluation.early_stop`` a network is
left as soon as, with high confidence, a network that costs no more has the better quality: its recorded value is the
mean over the part that was seen, ``validation_fraction`` says how large that was, it never enters a front and no other
run uses it.

With ``evaluation.finetune_steps`` each network is finetuned for so long before it is judged.

The bound is the normal one for a sample drawn without replacement, at a confidence shared by all looks at a network.
Better networks of the run are exact on the validation split, so they carry no error of their own.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property

import numpy as np
from scipy.special import ndtri

from runs.evaluation.network import brief_training, network_of
from runs.objectives import FRACTION, Budget, Objective, is_partial, noise_of
from runs.pipeline.stages.train import checkpoint_hash, train
from runs.pipeline.workspace import Workspace
from runs.search import CostFunction
from runs.store import Evaluations
from search_space import Architecture
from supernet.calibration import calibrate
from supernet.training import Evaluator, Quality

__all__ = ["Archive", "QualityEvaluator", "named", "quality_context"]

_CONFIDENCE = 0.999
_FEWEST = 96  # examples, below which the normal bound is not one
_VERSION = 1  # of what is computed; raised with any change of it


def quality_context(workspace: Workspace) -> str:
    """Return a hash of all that a quality depends on beside the architecture."""
    config = workspace.config.evaluation
    total = len(workspace.data.validation)
    parts = {
        "version": _VERSION,
        "checkpoint": checkpoint_hash(workspace),
        "data": workspace.data.data_hash,
        "bf16": config.bf16,
        "examples": min(config.examples or total, total),
    }
    brief = brief_training(workspace)
    if brief is not None:
        parts["finetuning"] = brief.hash
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def named(quality: Quality) -> dict[str, float]:
    """Return the values of a quality as they are recorded, the fraction only where it is not the whole."""
    values = {
        "validation_error": quality.error,
        noise_of("validation_error"): quality.error_se,
        "validation_loss": quality.loss,
        noise_of("validation_loss"): quality.loss_se,
    }
    return values if quality.examples == quality.total else {**values, FRACTION: quality.fraction}


class Archive:
    """The networks of a run that make another one hopeless.

    Parameters
    ----------
    objectives, budget
        Of the search; a network over the budget makes none hopeless.
    """

    def __init__(self, objectives: Sequence[Objective], budget: Budget) -> None:
        self.budget = budget
        self.costs = [o for o in objectives if not o.evaluated]
        self.qualities = [o for o in objectives if o.evaluated]
        self._rows: list[list[float]] = []

    def add(self, values: Mapping[str, float]) -> None:
        """Take in a network that was evaluated; one of a partial evaluation does not count."""
        if not is_partial(values) and self.budget.feasible(values):
            self._rows.append([o.sign * values[o.name] for o in (*self.costs, *self.qualities)])

    def should_prune(self, costs: Mapping[str, float], quality: Quality, *, looks: int) -> bool:
        """Return whether a network that costs no more is better in every evaluated objective, almost surely.

        Parameters
        ----------
        costs
            The exact and predicted values of the network.
        quality
            Of the part of the examples that was seen.
        looks
            How often it is asked for one network: the confidence holds over all of them.
        """
        if not (self._rows and self.qualities) or quality.examples < _FEWEST:
            return False
        z = float(ndtri(1 - (1 - _CONFIDENCE) / looks))
        margin = z * math.sqrt(1 - quality.fraction)
        values, split = named(quality), len(self.costs)
        rows = np.array(self._rows)
        cheaper = (rows[:, :split] <= [o.sign * costs[o.name] for o in self.costs]).all(1)
        bound = [o.sign * values[o.name] - margin * values[noise_of(o.name)] for o in self.qualities]
        return bool((cheaper & (rows[:, split:] < bound).all(1)).any())


class QualityEvaluator:
    """Gives the quality of any network of a run by name of value.

    Parameters
    ----------
    workspace
        The run, whose supernet is trained.
    objectives
        Of the search.
    cheap
        From a gene matrix to the values that need no evaluation.

    Attributes
    ----------
    evaluated
        How many networks were really evaluated, and not looked up.
    """

    def __init__(self, workspace: Workspace, *, objectives: Sequence[Objective], cost_function: CostFunction) -> None:
        self.space, self.supernet, self.cost_function = workspace.space, train(workspace), cost_function
        self.known = Evaluations(workspace.store, context=quality_context(workspace))
        self.evaluated = 0
        self._workspace = workspace
        self._archive = Archive(objectives, workspace.budget) if workspace.config.evaluation.early_stop else None
        if self._archive is not None:
            for candidate in workspace.store.candidates(workspace.run.id, state="complete"):
                self._archive.add(candidate.values)

    @cached_property
    def _evaluator(self) -> Evaluator:
        config, data = self._workspace.config.evaluation, self._workspace.data
        return Evaluator(
            data,
            split=data.validation,
            device=next(self.supernet.parameters()).device,
            batch_size=config.batch_size,
            bf16=config.bf16,
            examples=config.examples,
        )

    def __call__(self, architecture: Architecture, *, whole: bool = False) -> dict[str, float]:
        """Return the quality of a network; with ``whole`` never that of a part of the examples."""
        archive = self._archive
        if archive is None:
            return self.known.find(architecture.key) or self._evaluate(architecture, should_prune=None)
        costs = {name: float(v[0]) for name, v in self.cost_function(self.space.encode([architecture])).items()}

        def should_prune(seen: Quality) -> bool:
            looks = math.ceil(seen.total / self._workspace.config.evaluation.batch_size) - 1
            return archive.should_prune(costs, seen, looks=looks)

        found = self.known.find(architecture.key)
        values = found or self._evaluate(architecture, should_prune=None if whole else should_prune)
        archive.add({**costs, **values})
        return values

    def _evaluate(
        self, architecture: Architecture, *, should_prune: Callable[[Quality], bool] | None
    ) -> dict[str, float]:
        if brief_training(self._workspace) is None:  # no copy of the weights
            quality = self._evaluator(self.supernet, architecture, should_prune=should_prune)
        else:
            network = calibrate(network_of(self._workspace, architecture), self._workspace.data)
            quality = self._evaluator(network, should_prune=should_prune)
        self.evaluated += 1
        values = named(quality)
        if not all(math.isfinite(value) for value in values.values()):
            raise ValueError(f"the quality is not finite: {asdict(quality)}")
        if not is_partial(values):
            self.known.add(architecture.key, values)
        return values
