"""Several runs beside each other: fronts, hypervolumes and files, against independent references."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import matplotlib.image
import moocore
import numpy as np
import pandas as pd
import pytest

from runs.objectives import objectives_by_name
from runs.reports import ComparedNetwork, ComparedRun, Comparison
from runs.reports.comparison import comparison_table
from runs.reports.comparison_page import write_comparison
from tests.runs.reports.page import Page

NAMES = ("validation_error", "latency_ms", "size_bytes")


def run(name: str, seed: int, n: int, *, limit: float = np.inf, **changes) -> ComparedRun:
    rng = np.random.default_rng(seed)
    networks = []
    for i in range(n):
        latency = float(rng.uniform(0.05, 1.5))
        error = float(30 * np.exp(-2 * latency) + 5 + rng.exponential(6))
        values = {"validation_error": error, "latency_ms": latency, "size_bytes": float(rng.uniform(1e4, 1e6))}
        networks.append(
            ComparedNetwork(
                key=f"{seed:02}{i:010}", mixers="softmax*2", values=values, trial_number=i, feasible=latency <= limit
            )
        )
    return ComparedRun(name=name, networks=tuple(networks), sampler="random", seed=seed, device="cpu", **changes)


@pytest.fixture
def data() -> Comparison:
    runs = (run("a", 1, 80), run("b", 2, 40, limit=0.6, budget={"latency_ms": 0.6}), run("<c>", 3, 25))
    return Comparison(task="digits", objectives=objectives_by_name(NAMES[:2]), runs=runs, command="nasweave report")


@pytest.mark.parametrize("count", [2, 3])
def test_fronts_and_hypervolumes_are_those_of_another_library(data: Comparison, count: int) -> None:
    data = dataclasses.replace(data, objectives=objectives_by_name(NAMES[:count]))
    every = np.vstack([data.minimised(r)[[n.feasible for n in r.networks]] for r in data.runs])
    assert (np.array(data.reference) > every.max(0)).all()
    box = np.prod(np.array(data.reference) - every.min(0))
    for r in data.runs:
        values = data.minimised(r)[[n.feasible for n in r.networks]]
        front = {tuple(row) for row in moocore.filter_dominated(values)}
        assert {tuple(n.values[o.name] for o in data.objectives) for n in data.front(r)} == front
        expected = moocore.hypervolume(values, ref=np.array(data.reference)) / box
        curve = data.curves()[r.name]
        assert curve[-1] == pytest.approx(expected) and (np.diff(curve) >= 0).all()
        assert len(curve) == len(r.networks)
    joint = moocore.filter_dominated(every)
    assert len(data.joint_front()) == len(joint)


def test_a_run_with_nothing_within_its_budget_covers_nothing(data: Comparison) -> None:
    nothing = run("none", 5, 10, limit=0.0, budget={"latency_ms": 0.001})
    data = dataclasses.replace(data, runs=(*data.runs, nothing))
    assert data.front(nothing) == () and not data.curves()["none"].any()
    row = comparison_table(data).rows[-1]
    assert [str(cell) for cell in row[4:9]] == ["latency 0.001 ms", "10", "0", "0", "—"]


def test_the_files_hold_every_front(data: Comparison, tmp_path: Path) -> None:
    page = write_comparison(data, tmp_path / "a+b")
    assert {p.name for p in page.parent.iterdir()} == {"index.html", "comparison.png", "fronts.csv"}
    read = Page(page.read_text())
    assert read.links and all(link.startswith("data:") for link in read.links)
    assert read.tags.count("script") == 3 and "<c>" in read.text
    traces = {t["name"]: t for t in read.figures["front"][0]["data"] if t.get("mode") == "markers"}
    for r, name in zip(data.runs, ("a", "b", "&lt;c&gt;"), strict=True):
        assert traces[name]["x"] == [n.values["latency_ms"] for n in data.front(r)]
        assert all(n.key in hover for n, hover in zip(data.front(r), traces[name]["hovertext"], strict=True))
    assert len(read.figures["hypervolume"]["data"]) == 3
    json.dumps(read.figures, allow_nan=False)
    table = pd.read_csv(page.parent / "fronts.csv", dtype={"key": str})
    assert len(table) == sum(len(data.front(r)) for r in data.runs)
    assert table["on_joint_front"].sum() == len(data.joint_front())
    picture = matplotlib.image.imread(io.BytesIO((page.parent / "comparison.png").read_bytes()), format="png")
    assert picture.shape[1] >= 1200 and picture[..., :3].std() > 0.02
