"""Workers share a search in fidelities: no round is trained twice or lost, whoever dies, and the rest is refused."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from runs.evaluation.rounds import RoundsEvaluator
from runs.objectives import TRAINING_STEPS
from runs.pipeline.stages.trained import together
from runs.store import Store
from runs.store.records import Claim
from search_space.errors import CheckpointError, NasweaveError, StoreError
from supernet.training.checkpoint import FILE, load_checkpoint
from supernet.training.rounds import RoundTraining
from tests.runs.forked import ended, forked
from tests.runs.pipeline import fidelity_bench
from tests.runs.pipeline.fidelity_bench import ROUNDS, Bench, shared_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return shared_bench(tmp_path / "run", f"sqlite+journal:///{tmp_path}/a.db")


def begin(bench: Bench, name: str, *, dies_after: int | None = None) -> ForkServerProcess:
    bench.folder.mkdir(exist_ok=True)
    return forked(fidelity_bench.work, bench.folder, bench.url, name, dies_after)


def claims_of(bench: Bench) -> list[Claim]:
    """Return all claims, once nobody is at work."""
    from sqlalchemy import select

    from runs.store.worker_tables import ClaimRow

    with Store.open(bench.url) as store, store._read() as session:
        return [row.record() for row in session.scalars(select(ClaimRow).order_by(ClaimRow.id))]


def check(bench: Bench, *, failed: int = 0) -> list[Claim]:
    """Every round is one trial and one claim, a network's one after the other; returns the claims."""
    trials, claims = bench.trials(), claims_of(bench)
    assert [t.state.name for t in trials].count("COMPLETE") == ROUNDS and len(trials) == ROUNDS + failed
    rounds: dict[str, list[int]] = defaultdict(list)
    names = set()
    for trial in trials:
        detail: dict[str, Any] = trial.user_attrs["observation"]
        names.add(f"{detail['key']}@{detail['done'] + detail['steps']}")
        if trial.state.name == "COMPLETE":
            assert detail["done"] == (rounds[detail["key"]] or [0])[-1]
            rounds[detail["key"]].append(detail["done"] + detail["steps"])
    assert len(names) == len(trials) and names == {claim.key for claim in claims}
    assert sorted(c.state for c in claims) == ["complete"] * ROUNDS + ["failed"] * failed
    candidates = bench.candidates()
    assert {key: c.values[TRAINING_STEPS] for key, c in candidates.items()} == {k: v[-1] for k, v in rounds.items()}
    for key, steps in rounds.items():
        assert load_checkpoint(bench.folder / "networks" / key / FILE).step == steps[-1]
    return claims


def test_two_processes_finish_one_search_together(tmp_path: Path, url: str) -> None:
    bench = shared_bench(tmp_path / "run", url)
    workers = [begin(bench, name) for name in ("a", "b")]
    assert [ended(worker) for worker in workers] == [0, 0]
    claims = check(bench)
    assert {claim.attempt for claim in claims} == {1}
    trials = len(bench.search())
    assert trials == len(bench.candidates()), "a search after them finds all that they did, and adds nothing"
    check(bench)


def test_what_a_killed_worker_trained_is_finished_by_another(tmp_path: Path, url: str, monkeypatch) -> None:
    """The ninth checkpoint is that of the middle of a round: after it, one step is left to the heir."""
    bench = shared_bench(tmp_path / "run", url)
    assert ended(begin(bench, "dead", dies_after=9)) == -9
    (left,) = [claim for claim in claims_of(bench) if claim.state == "running"]
    assert left.key is not None and left.work is not None
    key, steps = left.key.split("@")
    reached = load_checkpoint(bench.folder / "networks" / key / FILE).step
    assert left.work["done"] < reached < int(steps)
    updates: dict[str, list[int]] = defaultdict(list)
    original = RoundTraining._update

    def update(self: RoundTraining) -> None:
        updates[self.identity.split("/")[1]].append(self.step)
        original(self)

    monkeypatch.setattr(RoundTraining, "_update", update)
    bench.work("heir")
    (taken,) = [claim for claim in check(bench) if claim.key == left.key]
    assert (taken.worker, taken.attempt, taken.state) == ("heir", 2, "complete")
    assert updates[key][: int(steps) - reached] == list(range(reached, int(steps)))
    assert all(len(set(done)) == len(done) for done in updates.values())


def test_one_worker_decides_as_a_process_alone(bench: Bench, tmp_path: Path) -> None:
    alone = replace(bench, folder=tmp_path / "alone", url="")
    alone.search()
    bench.work("one")
    assert json.dumps(bench.found()) == json.dumps(alone.found())
    assert bench.weights() == alone.weights()


def test_a_network_that_fails_is_given_up_for_all(bench: Bench, monkeypatch) -> None:
    original, asked = RoundsEvaluator.train, []

    def train(self, architecture, *, steps, donor=None):
        asked.append(architecture.key)
        if architecture.key in asked[1:2]:
            raise NasweaveError("training", expected="a finite loss", got="nan", remedy="none")
        return original(self, architecture, steps=steps, donor=donor)

    monkeypatch.setattr(RoundsEvaluator, "train", train)
    replace(bench, most=3).work("one")
    bench.work("two")
    check(bench, failed=1)
    assert asked.count(asked[1]) == 1


def test_a_worker_of_another_configuration_is_refused_in_one_line(bench: Bench, monkeypatch) -> None:
    original, refused = RoundsEvaluator.train, []

    def train(self, *args, **options):
        if not refused:
            for other, code in ((bench, "2"), (replace(bench, rungs=(4, 8, 32)), "1"), (replace(bench, seed=1), "1")):
                with pytest.raises(StoreError) as caught:
                    other.work("other", code=code)
                refused.append(str(caught.value))
        return original(self, *args, **options)

    monkeypatch.setattr(RoundsEvaluator, "train", train)
    bench.work("one")
    assert "the code of worker one (1)" in refused[0] and "the rungs" in refused[1] and "the seed" in refused[2]
    assert not any("\n" in line for line in refused)
    check(bench)


def test_workers_without_the_folder_of_the_others_stop_in_one_line(bench: Bench, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(together, "_LOOK_S", 0.05)
    replace(bench, most=4).work("one")
    apart = replace(bench, folder=tmp_path / "apart", watch=replace(bench.watch, grace_s=0.5))
    with pytest.raises(CheckpointError, match="let all workers share the folder of outputs"):
        apart.work("two")
    bench.work("three")
    check(bench)
