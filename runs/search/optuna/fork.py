"""Begin a study with networks that another search evaluated: for another budget, device or order of objectives.

Their quality stays what it is; costs and constraints are those of the new search. They are complete trials like any
other, so every sampler learns from them, and they count among the trials.
"""

from __future__ import annotations

from collections.abc import Mapping

from optuna.study import Study

from runs.search.optuna.genes import distributions, genes_of, params_of, params_of_trial
from runs.search.optuna.private import complete_trial
from runs.search.problem import Problem
from runs.search.recorder import Recorder
from search_space import Architecture, SearchSpace

__all__ = ["FORKED", "begin_with"]

FORKED = "forked"


def begin_with(
    study: Study,
    space: SearchSpace,
    *,
    problem: Problem,
    networks: Mapping[Architecture, Mapping[str, float]],
    recorder: Recorder | None = None,
) -> None:
    """Add the networks that the study does not hold yet as complete trials, and record them; killed, it goes on.

    Parameters
    ----------
    networks
        The evaluated values of each network by name; what needs no evaluation is computed here.
    recorder
        Keeps each network with all its values.
    """
    if not networks:
        return
    genes = space.encode(list(networks))
    cost_function, choices = problem.cost_function(genes), distributions(space)
    every = {
        row.tobytes(): (
            architecture,
            {**{name: float(column[i]) for name, column in cost_function.items()}, **evaluated},
        )
        for i, (row, (architecture, evaluated)) in enumerate(zip(genes, networks.items(), strict=True))
    }
    held = _numbers(study, space)
    study.add_trials(
        complete_trial(
            values=[values[o.name] for o in problem.objectives],
            params=params_of(space, row),
            distributions=choices,
            constraints=problem.budget.constraints(values),
            user_attrs={FORKED: True},
        )
        for row, (_, values) in zip(genes, every.values(), strict=True)
        if row.tobytes() not in held
    )
    if recorder is not None:
        known, numbers = recorder.known(), _numbers(study, space)
        for row, (architecture, values) in every.items():
            if architecture.key not in known:
                recorder.add(architecture.key, architecture=architecture, values=values, trial_number=numbers[row])


def _numbers(study: Study, space: SearchSpace) -> dict[bytes, int]:
    """Return the number of the first trial of each network that the study holds, by its gene row."""
    numbers: dict[bytes, int] = {}
    for trial in study.get_trials(deepcopy=False):
        row = genes_of(space, params_of_trial(trial))
        if row is not None:
            numbers.setdefault(row.tobytes(), trial.number)
    return numbers
