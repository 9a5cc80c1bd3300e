"""The methods that ``benchmarks.search_efficiency`` compares, each on any problem of the form of its ``problems.py``.

Ours and the peers' run the cores of our samplers over the problem's own genes, with features and surrogates that are
made from ``cards`` and ``canonical`` alone; Optuna's samplers run as anybody would use them, one categorical parameter
a gene.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIIISampler, NSGAIISampler, RandomSampler, TPESampler

from benchmarks.gene_structure import GeneStructure
from benchmarks.structure_surrogate import StructureSurrogate
from runs.search.algorithms.ask_tell import ArrayProblem, AskTell
from runs.search.algorithms.guided import GuidedSearch
from runs.search.algorithms.linas import LinasSearch

__all__ = ["METHODS", "Evaluate", "Method", "Problem"]

Evaluate = Callable[[NDArray[np.int64]], NDArray[np.float64]]
_BATCH = 4
_POPULATION = 50


class Problem(Protocol):
    """What ``problems.load`` returns."""

    cards: tuple[int, ...]

    def __call__(self, x: Any) -> tuple[float, ...]:
        """Return the values of one row of genes, all minimised."""

    def canonical(self, x: Any) -> tuple[int, ...]:
        """Return the canonical form of one row."""

    def share(self, points: Any) -> float:
        """Return the hypervolume of points as a share of the reference front's."""


class Method(Protocol):
    """One way to search."""

    def __call__(self, problem: Problem, evaluate: Evaluate, *, evaluations: int, objectives: int, seed: int) -> None:
        """Call ``evaluate`` with ``evaluations`` rows of genes."""


def structure_of(problem: Problem) -> GeneStructure:
    """Return the genes of a problem; ``canonicalise``, for many rows at once, is used where the problem has it."""
    whole = getattr(problem, "canonicalise", None)

    def row_by_row(rows: NDArray[Any]) -> NDArray[Any]:
        return np.array([problem.canonical(row) for row in rows], np.int64).reshape(rows.shape)

    return GeneStructure(problem.cards, whole or row_by_row)


def _model_based(
    make: Callable[[ArrayProblem], AskTell],
    batch: int,
    problem: Problem,
    evaluate: Evaluate,
    *,
    evaluations: int,
    objectives: int,
    seed: int,
) -> None:
    structure, rng = structure_of(problem), np.random.default_rng(seed)
    top = np.array(problem.cards) - 1
    search = make(
        ArrayProblem(
            genotype=structure,
            num_objectives=objectives,
            limits=np.full(objectives, np.inf),
            surrogates=[partial(StructureSurrogate, structure)] * objectives,
            corners=np.stack([0 * top, top // 2, top]),
        )
    )
    done = 0
    while done < evaluations:
        genes = search.ask(min(batch, evaluations - done), rng)
        if not len(genes):
            return
        search.tell(genes, np.array([evaluate(row) for row in genes.astype(np.int64)]))
        done += len(genes)


def _optuna(
    make: Callable[[int], BaseSampler],
    problem: Problem,
    evaluate: Evaluate,
    *,
    evaluations: int,
    objectives: int,
    seed: int,
) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study = optuna.create_study(directions=["minimize"] * objectives, sampler=make(seed))

    def objective(trial: optuna.Trial) -> tuple[float, ...]:
        row = [trial.suggest_categorical(f"x{i}", list(range(card))) for i, card in enumerate(problem.cards)]
        return tuple(evaluate(np.array(row, np.int64)).tolist())

    study.optimize(objective, n_trials=evaluations)


METHODS: Mapping[str, Method] = {
    "nasweave": partial(_model_based, GuidedSearch, _BATCH),
    "nsga2": partial(_optuna, lambda seed: NSGAIISampler(seed=seed)),
    "nsga3": partial(_optuna, lambda seed: NSGAIIISampler(seed=seed)),
    "tpe": partial(_optuna, lambda seed: TPESampler(seed=seed, multivariate=True)),
    "random": partial(_optuna, lambda seed: RandomSampler(seed=seed)),
    "linas": partial(_model_based, lambda task: LinasSearch(task, population=_POPULATION), _POPULATION),
}
