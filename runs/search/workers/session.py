"""What one process knows of a search: the networks that are done and recorded, and how a network gets its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from runs.search.config import Evaluated, SearchResult
from runs.search.optuna.genes import distributions, genes_of, params_of_trial
from runs.search.optuna.sampler import Problem
from runs.search.recorder import Recorder
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import NasweaveError

__all__ = ["DUPLICATES_IN_A_ROW", "DUPLICATE_OF", "FAILURES_IN_A_ROW", "Evaluate", "SearchError", "Session"]

DUPLICATE_OF = "duplicate_of"
FAILURES_IN_A_ROW = 5
DUPLICATES_IN_A_ROW = 20
Evaluate = Callable[[Architecture], float | Mapping[str, float]]


class SearchError(NasweaveError):
    """A search that cannot go on."""


class Session:
    """The networks of one search, by key.

    Parameters
    ----------
    space, problem, study
        What is searched, and where.
    evaluate
        The validation error of a network, or all that an evaluation gives, by name.
    recorder
        Keeps each network.
    """

    def __init__(
        self,
        space: SearchSpace,
        problem: Problem,
        study: Study,
        evaluate: Evaluate | None,
        recorder: Recorder | None,
    ) -> None:
        self.space, self.problem, self.study = space, problem, study
        self._evaluate, self.recorder = evaluate, recorder
        self.recorded: dict[str, Mapping[str, float]] = {}
        self.done: dict[str, Evaluated] = {}
        self.failed: dict[str, int] = {}
        self.failures = 0

    def read(self) -> None:
        """Read the record and the finished trials."""
        self.failures = 0
        if self.recorder is not None:
            self.recorded.update(self.recorder.known())
        for frozen in self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.FAIL]):
            if DUPLICATE_OF in frozen.user_attrs:
                continue
            self.failures += frozen.state == TrialState.FAIL
            row = genes_of(self.space, params_of_trial(frozen))
            if row is None:
                continue
            architecture = self.space.decode(row[None])[0]
            if frozen.state == TrialState.FAIL:
                self.failed[architecture.key] = frozen.number
                continue
            values = {
                **self.cost_function(row),
                **self._stored_values(frozen),
                **self.recorded.get(architecture.key, {}),
            }
            self.keep(frozen.number, architecture, values)

    def _stored_values(self, frozen: FrozenTrial) -> dict[str, float]:
        """Return the values that a complete trial holds, as objectives and as constraints."""
        told = dict(zip((o.name for o in self.problem.objectives), frozen.values, strict=True))
        for name, excess in frozen.constraints.items():
            told.setdefault(name, (excess + 1.0) * self.problem.budget.limits[name])
        return told

    def ask(self) -> tuple[Trial, Genes, Architecture]:
        """Return a new trial with its canonical row ``(genes,)`` and network."""
        trial = self.study.ask(dict(distributions(self.space)))
        row = genes_of(self.space, trial.params)
        assert row is not None, "every parameter was asked for"
        return trial, row, self.space.decode(row[None])[0]

    def cost_function(self, row: Genes) -> dict[str, float]:
        """Return all values of a row that need no evaluation, by name."""
        return {name: float(np.asarray(values)[0]) for name, values in self.problem.cost_function(row[None]).items()}

    def evaluate(self, architecture: Architecture) -> dict[str, float]:
        """Return the evaluated values by name; raises what the evaluation raises, and ``ValueError`` for a NaN."""
        if self._evaluate is None:
            return {}
        given = self._evaluate(architecture)
        values = dict(given) if isinstance(given, Mapping) else {"validation_error": float(given)}
        for name, value in values.items():
            if not math.isfinite(value):
                raise ValueError(f"the {name.replace('_', ' ')} is {value}")
        return values

    def keep(self, number: int, architecture: Architecture, values: Mapping[str, float]) -> None:
        """Record a network, unless it is recorded, and count it as done."""
        key = architecture.key
        if self.recorder is not None and key not in self.recorded:
            self.recorder.add(key, architecture=architecture, values=values, trial_number=number)
        self.recorded[key] = values
        self.failed.pop(key, None)
        self.done[key] = Evaluated(
            key=key,
            architecture=architecture,
            values=values,
            feasible=self.problem.budget.feasible(values),
            trial_number=number,
        )

    def objective_values(self, values: Mapping[str, float]) -> list[float]:
        """Return the objectives in order."""
        return [values[o.name] for o in self.problem.objectives]

    def line(self, values: Mapping[str, float]) -> str:
        """Say the objectives in words."""
        named = [(o, values[o.name]) for o in self.problem.objectives]
        return ", ".join(f"{o.name} {value:.4g}{o.unit and ' '}{o.unit}" for o, value in named)

    def result(self, exhausted: bool) -> SearchResult:
        """Return what was found."""
        return SearchResult(
            study_name=self.study.study_name,
            objectives=self.problem.objectives,
            evaluated=tuple(sorted(self.done.values(), key=lambda e: e.trial_number)),
            failed=self.failures,
            exhausted=exhausted,
        )
