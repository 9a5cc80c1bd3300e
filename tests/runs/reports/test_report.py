"""The report as files, for ordinary and for degenerate searches."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from runs.objectives import OBJECTIVES
from runs.reports import ReportData, Sensitivity, minimised, non_dominated
from runs.reports.answer import headline
from runs.reports.layers import picture
from runs.reports.summary import coverage_curves
from runs.reports.view import axes, staircase
from runs.reports.write import write_report
from search_space import Architecture, SearchSpace
from search_space.precision import FORMATS
from tests.runs.reports.conftest import example
from tests.runs.reports.page import Page

FILES = {
    "index.html",
    "front.png",
    "hypervolume.png",
    "predicted_measured.png",
    "architectures.png",
    "front.csv",
    "candidates.csv",
    "report.md",
}


@pytest.fixture(scope="module")
def folder(report_data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("run") / "report"
    assert write_report(report_data, target) == target / "index.html"
    return target


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "index.html").read_text())


def test_what_precisions_cost_is_a_map_of_colours(report_data: ReportData, tmp_path: Path) -> None:
    found = Sensitivity(
        key=report_data.chosen["knee"],
        sub_blocks=("1 softmax", "1 mlp", "all"),
        precisions=("w8a8", "w4"),
        loss_change=((0.01, 0.2), (-0.003, 0.04), (0.02, 1.7)),
        examples=256,
    )
    write_report(dataclasses.replace(report_data, sensitivity=found), tmp_path)
    shown = Page((tmp_path / "index.html").read_text())
    (heat,) = shown.figures["sensitivity"]["data"]
    assert heat["x"] == ["w8a8", "w4"] and heat["y"] == list(found.sub_blocks)
    np.testing.assert_allclose(heat["z"], [[1, 20], [-0.3, 4], [2, 170]])
    assert heat["zmax"] == -heat["zmin"] == 20, "the whole network does not set the scale"
    assert "256 examples" in shown.text and "(knee)" in shown.text
    assert matplotlib.image.imread(tmp_path / "sensitivity.png").shape[1] > 600
    assert "sensitivity.png" in (tmp_path / "report.md").read_text()


def test_all_files_and_nothing_else(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == FILES


def test_page_loads_nothing_from_elsewhere(page: Page, folder: Path) -> None:
    assert page.links and all(link.startswith("data:") for link in page.links)
    assert page.tags.count("html") == 1 and "iframe" not in page.tags and page.tags.count("link") == 1
    style = re.search(r"<style>(.*?)</style>", (folder / "index.html").read_text(), re.S)
    assert style and "url(" not in style[1] and "@import" not in style[1]


def test_page_shows_the_front_and_says_the_answer(page: Page, report_data: ReportData) -> None:
    front = next(t for t in page.figures["front"][0]["data"] if t.get("name") == "front")
    assert front["x"] == [n.objectives["latency_ms"] for n in report_data.front]
    assert front["y"] == [n.objectives["validation_error"] for n in report_data.front]
    assert all(n.key in hover for n, hover in zip(report_data.front, front["hovertext"], strict=True))
    ends = np.array(front["x"]) + front["error_x"]["array"]
    assert ends == pytest.approx([n.latency_interval_ms[1] for n in report_data.front])
    best = report_data.network(report_data.chosen["best quality"])
    sentence = (
        f"Take {best.key}, the best within 0.45 ms: {best.latency_measured_ms:.3f} ms "
        f"(predicted {best.latency_predicted_ms:.3f} ms), {best.test_error:.1f} % test error; "
    )
    assert headline(report_data).startswith(sentence) and headline(report_data) in page.text
    assert all(name in page.text for name in ("Baselines", "Corners of the space", "nasweave export key=knee"))


def test_front_csv_has_one_row_for_each_network_of_the_front(folder: Path, report_data: ReportData) -> None:
    table = pd.read_csv(folder / "front.csv")
    columns = "key mixers depth embed_dim validation_error latency_ms flops params size_bytes latency_predicted_ms"
    columns += " latency_low_ms latency_high_ms latency_measured_ms test_error source trial_number architecture"
    assert list(table.columns) == columns.split()
    eligible = [n for n in report_data.networks if n.searched and n.feasible]
    mask = non_dominated(minimised(eligible, report_data.objectives))
    assert table["key"].is_unique
    assert set(table["key"]) == {n.key for n, keep in zip(eligible, mask, strict=True) if keep}
    for row in table.itertuples():
        network = report_data.network(row.key)
        assert Architecture.from_json(row.architecture) == network.architecture
        assert (row.latency_ms, row.mixers) == (network.objectives["latency_ms"], network.architecture.mixers)
        assert row.latency_measured_ms == network.latency_measured_ms and row.trial_number == network.trial_number
    assert table["latency_ms"].is_monotonic_increasing


def test_candidates_csv_has_everyone_in_order(folder: Path, report_data: ReportData) -> None:
    table = pd.read_csv(folder / "candidates.csv")
    assert table["key"].tolist() == [n.key for n in report_data.networks]
    assert table["feasible"].tolist() == [n.feasible for n in report_data.networks]
    assert table.columns[-1] == "architecture"


@pytest.mark.parametrize("name", sorted(n for n in FILES if n.endswith(".png")))
def test_pictures_are_wide_and_not_blank(folder: Path, name: str) -> None:
    image = matplotlib.image.imread(folder / name)
    assert image.shape[1] >= (1000 if name == "predicted_measured.png" else 1200)
    assert image[..., :3].std() > 0.03


def _tables(text: str) -> Iterator[list[list[str]]]:
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.M):
        yield [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]


def test_markdown_tables_are_rectangular_and_pictures_exist(folder: Path, report_data: ReportData) -> None:
    text = (folder / "report.md").read_text()
    tables = list(_tables(text))
    assert len(tables) >= 7
    for table in tables:
        assert len({len(row) for row in table}) == 1
        assert all(re.fullmatch(r" ?-+:? ?", cell) for cell in table[1])
    assert any(len(t) == 2 + len(report_data.front) for t in tables)
    assert all((folder / name).exists() for name in re.findall(r"!\[.*?\]\((.*?)\)", text))


def test_curves_are_those_of_feasible_networks(report_data: ReportData) -> None:
    ours, random = coverage_curves(report_data)
    assert len(ours.share) == sum(n.searched for n in report_data.networks)
    assert len(random.share) == len(report_data.of_source("random"))
    assert 0 < random.share[-1] <= ours.share[-1] <= 1


def test_layers_are_drawn_in_proportion(report_data: ReportData) -> None:
    layout = picture(report_data, report_data.front)
    for row, network in zip(layout.rows, report_data.front, strict=True):
        mixers = row.boxes[::2]
        layers = network.architecture.layers
        assert len(row.boxes) == 2 * len(layers)
        assert [b.precision for b in mixers] == [layer.mixer_precision for layer in layers]
        with_heads = [(layer.num_heads, b.height) for layer, b in zip(layers, mixers, strict=True) if layer.num_heads]
        assert all((a[0] < b[0]) == (a[1] < b[1]) for a in with_heads for b in with_heads)
        assert all(b.y + b.height == pytest.approx(row.base) for b in row.boxes)
    assert {name for name, _, _ in layout.mixers} <= {x.mixer for n in report_data.front for x in n.architecture.layers}


def test_every_precision_has_a_hatch_and_a_sparse_one_a_remark(space: SearchSpace, tmp_path: Path) -> None:
    data = example(dataclasses.replace(space, precision=("float", *FORMATS)), evaluations=96)
    html, markdown = write_report(data, tmp_path).read_text(), (tmp_path / "report.md").read_text()
    drawn = dict(re.findall(r'<pattern id="hatch-(\w+)-1b2430"[^>]*>(.*?)</pattern>', html, re.DOTALL))
    assert drawn.keys() == set(FORMATS) and all("<" in shapes for shapes in drawn.values())
    assert len(set(drawn.values())) == len(drawn)
    remark = "w8a8_2of4: two of each four weights, for a smaller file; it is no faster."
    assert remark in html and remark in markdown
    assert "no faster" not in write_report(example(space, evaluations=24), tmp_path / "dense").read_text()


def test_staircase_never_crosses_the_front(report_data: ReportData) -> None:
    x, y = axes(report_data, report_data.objectives[1], report_data.objectives[0])
    xs, ys = staircase(x, y, report_data.front)
    assert len(xs) == 2 * len(report_data.front) - 1
    assert (np.diff(xs) >= 0).all() and (np.diff(ys) <= 0).all()
    assert ((np.diff(xs) == 0) | (np.diff(ys) == 0)).all()


def test_three_objectives_have_a_view_for_each_pair(space: SearchSpace, tmp_path: Path) -> None:
    data = example(space, objectives=3, evaluations=48)
    page = Page(write_report(data, tmp_path).read_text())
    assert len(page.figures["front"]) == 3 and page.tags.count("option") == 3
    front = next(t for t in page.figures["front"][0]["data"] if t.get("name") == "front")
    assert front["marker"]["color"] == pytest.approx([n.objectives["size_bytes"] / 1e3 for n in data.front])


def test_nothing_feasible_and_nothing_measured_is_said(space: SearchSpace, tmp_path: Path) -> None:
    data = example(space, evaluations=24, budget=0.001, measured=False)
    page = Page(write_report(data, tmp_path).read_text())
    assert headline(data).startswith("No network meets the budget of 0.001 ms; the closest has ")
    closest = min(n.objectives["latency_ms"] for n in data.networks)
    assert f"{closest:.3g} ms (predicted)" in headline(data)
    assert "Nothing that was evaluated meets the budget of 0.001 ms" in page.text
    assert "Predicted only: nothing was measured" in page.text
    assert page.figures["measured"] is None and page.figures["hypervolume"] is None
    assert "Predicted only." in (tmp_path / "report.md").read_text()


def test_one_network_with_hostile_words(report_data: ReportData, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script> a|b ``` <img src=http://x.y/z>"
    network = dataclasses.replace(report_data.front[0], latency_measured_ms=None, test_error=None)
    data = dataclasses.replace(
        report_data,
        title=evil,
        task=evil,
        command=evil,
        networks=(network,),
        chosen={evil: network.key},
        environment={evil: evil},
        corners={},
        training_curve=(),
        predictor_summary={},
        seconds={},
        budget={},
        device={},
    )
    page = Page(write_report(data, tmp_path).read_text())
    assert page.tags.count("script") == 3 and "img" not in page.tags
    assert evil in page.text
    assert headline(data).startswith(f"Take {network.key}, the best: ") and "validation error" in headline(data)
    markdown = (tmp_path / "report.md").read_text()
    assert markdown.count("```") % 2 == 0
    assert all(len({len(row) for row in table}) == 1 for table in _tables(markdown))
    assert len(pd.read_csv(tmp_path / "front.csv")) == 1


def test_an_objective_to_maximise_turns_the_axes(report_data: ReportData) -> None:
    accuracy = dataclasses.replace(
        report_data.objectives[0], name="accuracy", direction="maximize", label="validation accuracy"
    )
    networks = tuple(
        dataclasses.replace(n, objectives={**n.objectives, "accuracy": 100 - n.objectives["validation_error"]})
        for n in report_data.networks
    )
    objectives = (accuracy, report_data.objectives[1])
    data = dataclasses.replace(report_data, objectives=objectives, networks=networks, hypervolume_reference=(65.0, 2.0))
    assert [n.key for n in data.front] == [n.key for n in report_data.front]
    before, after = coverage_curves(report_data)[0], coverage_curves(data)[0]
    assert after.share == pytest.approx(before.share)
    assert "validation accuracy" in headline(data) and "higher is better" in axes(data, *objectives[::-1])[1].title


def test_report_data_refuses_what_cannot_be(report_data: ReportData) -> None:
    network = report_data.networks[0]
    with pytest.raises(ValueError, match="not the key"):
        dataclasses.replace(report_data, networks=(dataclasses.replace(network, key="0" * 12),), chosen={})
    with pytest.raises(ValueError, match="chosen"):
        dataclasses.replace(report_data, chosen={"knee": "0" * 12})
    with pytest.raises(ValueError, match="reference"):
        dataclasses.replace(report_data, hypervolume_reference=(1.0,))


def test_a_failed_write_keeps_the_old_report(
    report_data: ReportData, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_report(dataclasses.replace(report_data, title="another"), folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.parametrize(("name", "cost"), [("validation_error", "latency_ms"), ("latency_ms", "validation_error")])
def test_a_single_objective_is_shown_with_its_cost(
    report_data: ReportData, tmp_path: Path, name: str, cost: str
) -> None:
    best = min(report_data.networks, key=lambda n: n.objectives[name])
    networks = tuple(dataclasses.replace(n, on_front=n is best) for n in report_data.networks)
    data = dataclasses.replace(
        report_data,
        objectives=(OBJECTIVES[name],),
        networks=networks,
        hypervolume_reference=(50.0,),
        chosen={"best quality": best.key},
        budget={},
    )
    page = Page(write_report(data, tmp_path).read_text())
    front = next(t for t in page.figures["front"][0]["data"] if t.get("name") == "front")
    assert (front["y"], front["x"]) == ([best.objectives[name]], [best.objectives[cost]])
    assert headline(data).startswith("Take ") and ", the best: " in headline(data)
