"""A search in fidelities that trains real networks: killed anywhere, or by several processes, it finds the same."""

from __future__ import annotations

import json
import pkgutil
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runs.evaluation.pool import RoundsPool
from runs.evaluation.quality import named
from runs.evaluation.rounds import RoundsEvaluator
from runs.objectives import TRAINING_STEPS
from runs.search import SearchError
from search_space.errors import NasweaveError, StoreError
from supernet.tasks import TASKS
from tests.runs.pipeline.fidelity_bench import ROUNDS, Bench


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def data():
    return TASKS["digits"].load()


@pytest.fixture(scope="module")
def bench(make_space, data, tmp_path_factory):
    space = make_space(task=data.shape, depth=[1, 2], embed_dim=[16, 24], precision=["float"])
    return Bench(space, tmp_path_factory.mktemp("undisturbed"), data)


@pytest.fixture(scope="module")
def undisturbed(bench):
    trials = bench.search()
    assert len(bench.found()) == ROUNDS and trials
    return bench


def test_each_round_is_a_complete_trial_that_plain_optuna_reads(undisturbed):
    trials = undisturbed.study().get_trials(deepcopy=False)
    assert [t.state.name for t in trials] == ["COMPLETE"] * ROUNDS
    assert {t.user_attrs["training_steps"] for t in trials} <= {4, 8, 16}
    last = {t.user_attrs["observation"]["key"]: t for t in trials}
    candidates = undisturbed.candidates()
    assert candidates.keys() == last.keys()
    for key, trial in last.items():
        values = candidates[key].values
        assert trial.values == [values["validation_error"], values["flops"]]
        assert trial.user_attrs["training_steps"] == values[TRAINING_STEPS]
        assert trial.number == candidates[key].trial_number


def test_what_is_recorded_is_the_quality_of_the_network_that_is_kept(undisturbed):
    rounds = undisturbed.rounds()
    for candidate in undisturbed.candidates().values():
        quality = named(rounds.evaluator(rounds.network(candidate.architecture)))
        assert quality["validation_error"] == candidate.values["validation_error"]


def test_again_it_buys_nothing(undisturbed, monkeypatch):
    monkeypatch.setattr(RoundsPool, "train", lambda *_: pytest.fail("trained again"))
    before = undisturbed.found()
    undisturbed.search()
    assert undisturbed.found() == before


def test_two_processes_find_the_same(undisturbed, tmp_path):
    other = replace(undisturbed, folder=tmp_path / "two", processes=2)
    other.search()
    assert other.found() == undisturbed.found()


WRITES = {
    "checkpoint": ("supernet.training.rounds.training", "save_checkpoint"),
    "candidate": ("runs.store.repository.Store", "put_candidate"),
    "trial": ("runs.search.optuna.observations.ObservationStudy", "add"),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_write_it_goes_on_to_the_same_networks(undisturbed, tmp_path, monkeypatch, write, after):
    other, deaths = replace(undisturbed, folder=tmp_path / "killed"), 0
    owner, name = WRITES[write]
    original = getattr(_named(owner), name)
    lived = 5 if write == "checkpoint" else 3

    for _ in range(20):
        calls = 0

        def dying(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls > lived and not after:
                raise Killed
            result = original(*args, **kwargs)
            if calls > lived:
                raise Killed
            return result

        with monkeypatch.context() as patch:
            patch.setattr(f"{owner}.{name}", dying)
            try:
                other.search()
                break
            except Killed:
                deaths += 1
    assert deaths >= 2
    assert other.found() == undisturbed.found()
    assert other.weights() == undisturbed.weights()


def _named(path: str) -> Any:
    return pkgutil.resolve_name(path)


def test_a_network_whose_loss_is_not_finite_is_given_up_alone_and_killed_the_search_knows_it(
    undisturbed, tmp_path, monkeypatch
):
    bad = json.loads(undisturbed.found()[1][1])["key"]
    original = RoundsEvaluator.train
    asked: list[str] = []

    def train(self, architecture, *, steps, donor=None):
        asked.append(architecture.key)
        if architecture.key == bad:
            raise NasweaveError("training", expected="a finite loss", got="nan", remedy="none")
        return original(self, architecture, steps=steps, donor=donor)

    monkeypatch.setattr(RoundsEvaluator, "train", train)
    whole = replace(undisturbed, folder=tmp_path / "whole")
    whole.search()
    assert asked.count(bad) == 1 and bad not in whole.candidates()
    states = [t.state.name for t in whole.study().trials]
    assert states.count("FAIL") == 1 and states.count("COMPLETE") == ROUNDS
    parts = replace(undisturbed, folder=tmp_path / "parts")
    for most in (1, 2, 4, ROUNDS):
        replace(parts, most=most).search()
    assert sorted(parts.candidates()) == sorted(whole.candidates())
    assert asked.count(bad) == 2 and parts.found() == whole.found()


def test_five_failures_in_a_row_end_it(undisturbed, tmp_path, monkeypatch):
    def train(self, architecture, **_):
        raise NasweaveError("training", expected="a finite loss", got="nan", remedy="none")

    monkeypatch.setattr(RoundsEvaluator, "train", train)
    with pytest.raises(SearchError, match="5 failures in a row"):
        replace(undisturbed, folder=tmp_path / "failing").search()


@pytest.mark.parametrize(
    ("objectives", "limits"),
    [
        (("validation_error", "params"), None),
        (("validation_error", "flops", "params"), {"validation_error": 80.0}),
        (("validation_loss", "params"), {"flops": 60_000.0}),
    ],
)
def test_any_objectives_and_budgets(undisturbed, tmp_path, objectives, limits):
    other = replace(undisturbed, folder=tmp_path / "o", objectives=objectives, limits=limits, most=6)
    other.search()
    trials = other.study().trials
    assert len(trials) == 6 and all(len(t.values) == len(objectives) and np.isfinite(t.values).all() for t in trials)
    if limits and "flops" in limits:
        assert all(c.values["flops"] <= limits["flops"] for c in other.candidates().values())


def test_a_space_of_fewer_networks_than_the_first_ones_is_trained_to_the_end(make_space, data, tmp_path):
    space = make_space(
        task=data.shape,
        depth=[1],
        embed_dim=[16],
        mixer=["softmax"],
        num_heads=[2],
        channel_mixer=["mlp"],
        ratio=[1, 2],
        precision=["float"],
    )
    small = Bench(space, tmp_path / "small", data, most=50)
    small.search()
    assert [t.user_attrs["training_steps"] for t in small.study().trials].count(16) == len(small.candidates()) == 2


def test_a_begun_search_refuses_other_rungs(undisturbed):
    with pytest.raises(StoreError, match="the rungs it was started with") as caught:
        replace(undisturbed, rungs=(4, 8, 32)).search()
    assert "\n" not in str(caught.value)


def test_a_network_that_was_trained_further_in_between_is_kept_as_it_is(undisturbed, tmp_path):
    folder = tmp_path / "further"
    shutil.copytree(undisturbed.folder, folder)
    other = replace(undisturbed, folder=folder, most=ROUNDS + 6)
    further = {c.key: c for c in other.candidates().values()}
    for candidate in further.values():
        other.rounds().train(candidate.architecture, steps=30)
    before = other.weights()
    other.search()
    for trial in other.study().trials[ROUNDS:]:
        key = trial.user_attrs["observation"]["key"]
        if key in further:
            assert trial.user_attrs["training_steps"] == 30 and other.weights()[key] == before[key]
