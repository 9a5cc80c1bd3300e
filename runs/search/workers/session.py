"""What one process knows of a search: the networks that are done and recorded, and how a network gets its values."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from runs.search.config import Evaluated, SearchResult
from runs.search.errors import FAILURES_IN_A_ROW, failures_in_a_row
from runs.search.optuna.genes import distributions, genes_of, params_of_trial
from runs.search.optuna.private import constraints_of
from runs.search.problem import Problem
from runs.search.recorder import Recorder
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import StoreError

__all__ = ["DUPLICATES_IN_A_ROW", "DUPLICATE_OF", "Evaluate", "Progress", "Session"]

DUPLICATE_OF = "duplicate_of"
DUPLICATES_IN_A_ROW = 20
Evaluate = Callable[[Architecture], float | Mapping[str, float]]
Progress = Callable[[int, int, str], None]
_log = logging.getLogger("nasweave.runs")


class Session:
    """The networks of one search, by key.

    Parameters
    ----------
    space, problem, study
        What is searched, and the study that holds the trials.
    evaluate
        Gives the validation error of a network, or all that an evaluation gives, by name.
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
        self._failures_in_a_row = 0

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
                **self.costs(row),
                **self._stored_values(frozen),
                **self.recorded.get(architecture.key, {}),
            }
            self.keep(frozen.number, architecture, values)

    def _stored_values(self, frozen: FrozenTrial) -> dict[str, float]:
        """Return the values that a complete trial holds, as objectives and as constraints."""
        stored = dict(zip((o.name for o in self.problem.objectives), frozen.values, strict=True))
        for name, excess in constraints_of(frozen).items():
            stored.setdefault(name, (excess + 1.0) * self.problem.budget.limits[name])
        return stored

    def ask(self) -> tuple[Trial, Genes, Architecture]:
        """Return a new trial with its canonical row ``(genes,)`` and network."""
        trial = self.study.ask(dict(distributions(self.space)))
        row = genes_of(self.space, trial.params)
        assert row is not None, "every parameter was asked for"
        return trial, row, self.space.decode(row[None])[0]

    @property
    def num_networks(self) -> int:
        """How many networks the space has, a large number where it has more than can be evaluated."""
        networks: int = round(10.0 ** min(self.space.log10_size, 15.0))
        return networks

    def costs(self, row: Genes) -> dict[str, float]:
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

    def attempt(
        self, trial: Trial, architecture: Architecture, *, give_up: Callable[[str], None]
    ) -> Mapping[str, float] | None:
        """Return the values of a network as they were recorded, or evaluated now; ``None`` where that failed.

        Parameters
        ----------
        trial, architecture
            The trial, and the network that it names.
        give_up
            Fails the trial with a reason.

        Raises
        ------
        StoreError
            The database failed, which has nothing to do with the network: the trial goes on running.
        SearchError
            So many evaluations in a row have failed that the cause is not the networks.
        """
        key = architecture.key
        try:
            values = self.recorded[key] if key in self.recorded else self.evaluate(architecture)
        except StoreError:
            raise
        except Exception as error:  # whatever an evaluation raises is that network's failure
            _log.warning("trial %d failed: %r", trial.number, error)
            self._failures_in_a_row += 1
            give_up(repr(error)[:500])
            if self._failures_in_a_row == FAILURES_IN_A_ROW:
                raise failures_in_a_row(error) from error
            return None
        self._failures_in_a_row = 0
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
        """Return the objectives in words."""
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
