"""The comparison at equal processor seconds, in a tiny space and with a few seconds; and the neighbours of a front."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import anytime, front_alone, local_optimality
from benchmarks.anytime import front_at, hypervolume_at
from benchmarks.anytime_methods import METHODS
from benchmarks.anytime_setting import PROFILES, Point, open_setting
from benchmarks.front_alone import is_worse
from benchmarks.local_optimality import dominated
from runs.search.fidelities import step_cost
from supernet.training import Quality

FEW = ["training.batch_size=16", "training.steps=20", "training.warmup_steps=2"]


def point(seconds: float, key: str, *, validation: float, test: float, latency_ms: float = 1.0) -> Point:
    return Point(seconds=seconds, key=key, steps=50, validation=validation, test=test, latency_ms=latency_ms)


def test_a_front_is_chosen_by_validation_in_the_last_states_and_judged_by_test():
    points = [
        point(1, "a", validation=20, test=19),
        point(2, "b", validation=10, test=15, latency_ms=np.e),
        point(3, "a", validation=5, test=8),
    ]
    assert [p.key for p in front_at(points, 2.5)] == ["a", "b"]
    assert [(p.key, p.test) for p in front_at(points, 3)] == [("a", 8)]
    assert [p.key for p in front_at(points, 2.5, fronts=[(1.5, ["a"]), (2, ["b"]), (3, ["a"])])] == ["b"]
    corner = (20.0, float(np.e**2))
    assert hypervolume_at(points, 0.5, reference=corner) == 0
    assert hypervolume_at(points, 2.5, reference=corner) == pytest.approx(1 * 1 + 5 * 1)
    assert hypervolume_at(points, 9, reference=corner) == pytest.approx(12 * 2)


def run(program, monkeypatch, capsys, *arguments: str):
    monkeypatch.setattr("sys.argv", [program.__name__, "--json", "--task=digits", *arguments, *FEW])
    program.main()
    return json.loads(capsys.readouterr().out)


@pytest.mark.timeout(280)
def test_every_method_spends_the_same_and_leaves_a_curve(tmp_path: Path, monkeypatch, capsys):
    arguments = ["--budgets=1,2", "--seeds=1", f"--folder={tmp_path}", f"--picture={tmp_path / 'curves.png'}"]
    found = run(anytime, monkeypatch, capsys, *arguments)
    assert found["task"] == "digits" and found["budgets_s"] == [1, 2] and set(found["methods"]) == set(METHODS)
    assert 0 < found["reference"]["test_error"] < 10
    for method, row in found["methods"].items():
        assert len(row["mean"]) == len(row["std"]) == 2 and row["std"] == [0, 0]
        points = json.loads((tmp_path / "digits" / "2s" / f"{method}-0.json").read_text())["points"]
        seconds = [p["seconds"] for p in points]
        # A method may end the round that it is in.
        assert points and seconds == sorted(seconds) and seconds[-2 if len(points) > 1 else -1] < 2 + 60
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    again = run(anytime, monkeypatch, capsys, *arguments)
    assert again == found


def test_data_that_is_not_there_is_said(tmp_path: Path, monkeypatch, capsys):
    # Without a process of its own, whose start takes long.
    monkeypatch.setattr(anytime, "all_runs", lambda o: open_setting(o.task, o.override, data_root=o.data_root))
    with pytest.raises(SystemExit, match="data_root"):
        run(anytime, monkeypatch, capsys, "--task=fashion_mnist", f"--data-root={tmp_path}")


def test_each_space_of_the_tasks_has_a_shipped_profile():
    setting = open_setting("digits", [], data_root=Path())
    assert setting.space.name in PROFILES
    genes = setting.space.sample_genes(np.random.default_rng(0), 50)
    assert (setting.known(genes) > 0).all()
    cost = step_cost(setting.space, setting.costs)
    assert (cost(genes) > 0).all() and cost(setting.space.encode([setting.space.largest]))[0] == pytest.approx(1.0)


@pytest.mark.timeout(280)
def test_the_neighbours_of_a_front_are_trained_and_counted(tmp_path: Path, monkeypatch, capsys):
    found = run(local_optimality, monkeypatch, capsys, "--budget=3", "--most=2", "--steps=3")
    assert found["front"] >= 1 and 0 <= found["dominated"] <= found["front"]
    assert found["evaluations"] <= 2 * found["front"] and 0 < found["share_of_seconds"] < 1


@pytest.mark.timeout(280)
def test_the_networks_of_a_front_are_trained_alone(tmp_path: Path, monkeypatch, capsys):
    found = run(front_alone, monkeypatch, capsys, "--budget=2", "search.fidelities.rungs=[3,6]")
    assert found["front"] == len(found["networks"]) >= 1 and 0 <= found["worse"] <= found["front"]
    assert {n["steps"] for n in found["networks"]} <= {3, 6}


def test_a_network_is_worse_than_alone_by_a_twentieth_and_by_three_tenths_of_a_point():
    assert is_worse(3.4, 3.0) and not is_worse(3.25, 3.0) and not is_worse(20.5, 20.0)


def test_a_neighbour_dominates_where_it_is_better_by_more_than_the_noise():
    def quality(error: float) -> Quality:
        return Quality(error=error, error_se=0.6, loss=0.1, loss_se=0.01, examples=359, total=359)

    assert dominated(quality(4.0), [quality(5.0), quality(3.0)])
    assert not dominated(quality(4.0), [quality(3.2)]) and not dominated(quality(4.0), [])
