"""Processes that share a study share its batches: one computes, the others take what is there."""

from __future__ import annotations

from unittest.mock import patch

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from runs.search.optuna.batched import BatchedSampler
from runs.search.optuna.genes import distributions
from runs.search.registry import build_sampler
from search_space import SearchSpace
from tests.runs.search.problem import SyntheticQuality

BATCH = 4


@pytest.fixture
def processes(space: SearchSpace) -> list[Study]:
    """Return two views of one study, each with a sampler of its own."""
    bench, storage = SyntheticQuality(space), optuna.storages.InMemoryStorage()
    problem = bench.problem(40, ["validation_error", "flops"])
    optuna.create_study(study_name="shared", storage=storage, directions=["minimize"] * 2)
    return [
        optuna.load_study(
            study_name="shared", storage=storage, sampler=build_sampler("nasweave", space, seed=1, problem=problem)
        )
        for _ in range(2)
    ]


def ask(study: Study, space: SearchSpace) -> Trial:
    return study.ask(dict(distributions(space)))


def tell(study: Study, trial: Trial) -> None:
    study.tell(trial, [float(trial.number), 1.0])


def test_a_batch_is_computed_once(processes: list[Study], space: SearchSpace) -> None:
    first, second = processes
    with patch.object(BatchedSampler, "_new_batch", autospec=True, side_effect=BatchedSampler._new_batch) as computed:
        for i in range(2 * BATCH):
            tell(first, ask((first, second)[i % 2], space))
    assert computed.call_count == 2
    assert len({tuple(t.params.values()) for t in first.trials}) == 2 * BATCH


def test_nobody_waits_for_a_batch_and_nothing_is_chosen_twice(processes: list[Study], space: SearchSpace) -> None:
    first, second = processes
    for _ in range(BATCH):
        tell(first, ask(first, space))
    begun = first.ask()  # its sampler computes the second batch, and takes long
    with patch.object(BatchedSampler, "_new_batch", side_effect=AssertionError("computed here too")):
        others = [ask(second, space) for _ in range(BATCH - 1)]
    for name, distribution in distributions(space).items():
        begun.suggest_categorical(name, distribution.choices)
    chosen = [tuple(t.params.values()) for t in first.trials]
    assert {t.number for t in others} == {5, 6, 7} and len(set(chosen)) == len(chosen) == 2 * BATCH
