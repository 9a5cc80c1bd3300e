"""The answer on top of a report: what is taken and why, the table beside it, and what was gained, in plain words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from runs.reports import ReportData, SimpleModel, terminal_lines
from runs.reports.answer import headline, verdict
from runs.reports.summary import baselines
from runs.reports.tables import answer_table, front_table
from runs.reports.view import axes, model_lines, useful_error
from runs.reports.write import write_report
from search_space import SearchSpace
from tests.runs.reports.conftest import example


def _model(name: str, error: float) -> SimpleModel:
    return SimpleModel(name=name, validation_error=error, test_error=error, params=650, seconds=0.1, examples=1000)


@pytest.fixture(scope="module")
def answer(space: SearchSpace) -> ReportData:
    data = example(space, budget=None)
    return dataclasses.replace(
        data,
        exported=data.chosen["knee"],
        exported_as="knee",
        networks=tuple(dataclasses.replace(n, training_steps=900) for n in data.networks),
        simple_models=(_model("logistic regression", 11.0), _model("perceptron", 12.0)),
    )


def test_the_headline_is_about_the_exported_network_with_its_measured_latency_first(answer: ReportData) -> None:
    taken = answer.network(answer.exported or "")
    text = headline(answer)
    assert text.startswith(
        f"Take {taken.key}, the knee of what is no worse than logistic regression, past which the front"
    )
    alone = headline(dataclasses.replace(answer, simple_models=()))
    assert alone.startswith(
        f"Take {taken.key}, the knee, past which the front pays more latency for each point of error"
    )
    assert f"{taken.latency_measured_ms:.3g} ms (predicted {taken.latency_predicted_ms:.3g} ms)" in text
    assert f"{taken.test_error:.1f} % test error" in text
    largest = dict(baselines(answer))["largest"]
    assert taken.latency_measured_ms and largest.latency_measured_ms
    assert f"{largest.latency_measured_ms / taken.latency_measured_ms:.1f} times faster than the largest" in text
    named = dataclasses.replace(answer, exported_as="")
    assert f"Take {taken.key}, as asked for: " in headline(named)


def test_the_table_has_five_rows_and_says_what_each_costs_beside_the_exported(answer: ReportData) -> None:
    table = answer_table(answer)
    names = [row[0].text for row in table.rows]
    assert names == ["exported", "largest", "best uniform", "best random", "logistic regression"]
    taken = answer.network(answer.exported or "")
    assert taken.test_error is not None
    assert table.rows[4][-1].text == f"{11.0 - taken.test_error:.1f} points more error"
    assert "times slower" in table.rows[1][-1].text and table.rows[0][-1].text == ""
    assert table.rows[4][5].text == "2.60 kB" and table.rows[4][3].text == "—"


def test_what_was_gained_is_said_and_that_nothing_was(answer: ReportData) -> None:
    by_test = [n.test_error for n in answer.front]
    worse = sum(e > 11.0 for e in by_test if e is not None)
    assert 0 < worse < len(by_test)
    said = verdict(answer)
    assert f"Logistic regression has 11.0 % test error, lower than {worse} of the {len(by_test)} networks of" in said[2]
    perfect = dataclasses.replace(answer, simple_models=(_model("logistic regression", 0.5),))
    assert verdict(perfect)[-1].endswith("lower than every network of the front")
    best = min(answer.front, key=lambda n: n.objectives["validation_error"])
    random = dataclasses.replace(answer.of_source("random")[0], objectives={**best.objectives, "validation_error": 0.1})
    beaten = dataclasses.replace(answer, networks=(*answer.networks, random))
    assert verdict(beaten)[1].startswith("Nothing was gained over the best random network: none of the front reaches")
    slow = dataclasses.replace(random, objectives=best.objectives, latency_predicted_ms=3 * best.latency_predicted_ms)
    ahead = dataclasses.replace(answer, networks=(*(n for n in answer.networks if n.source != "random"), slow))
    assert "trained in the same way" in verdict(ahead)[1] and "the front is 3." in verdict(ahead)[1]


def test_the_picture_shows_useful_errors_on_a_logarithmic_axis(answer: ReportData) -> None:
    x, y = axes(answer, answer.objectives[1], answer.objectives[0])
    assert y.log and useful_error(answer) == 33.0 and y.window[1] < 40
    good = dataclasses.replace(answer, simple_models=(_model("logistic regression", 4.0),))
    _, near = axes(good, good.objectives[1], good.objectives[0])
    taken = answer.network(answer.exported or "")
    assert near.window[1] < y.window[1] and near.window[1] > taken.objectives["validation_error"]
    assert [name for name, _ in model_lines(answer, y)] == ["logistic regression, 11.0 %", "perceptron, 12.0 %"]
    assert model_lines(answer, x) == []
    flawless = dataclasses.replace(answer, simple_models=(_model("logistic regression", 0.0),))
    assert not axes(flawless, flawless.objectives[1], flawless.objectives[0])[1].log, "zero has no logarithm"


def test_page_and_terminal_say_the_same_in_one_metric(answer: ReportData, tmp_path: Path) -> None:
    lines = terminal_lines(answer)
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).startswith(headline(answer))
    page = write_report(answer, tmp_path).read_text().split("application/json")[0]
    assert headline(answer) in page and all(sentence in page for sentence in verdict(answer))
    assert "accuracy" not in page and "supernet" not in page.replace("Training of the supernet", "")
    assert "Simple models on the same split" in page
    assert "logistic regression" in (tmp_path / "report.md").read_text()


def test_error_and_latency_stand_beside_the_key(answer: ReportData) -> None:
    header = front_table(answer).header
    assert header[:3] == ("key", "test error", "latency, measured") and "steps" in header
    assert len(header) == len(set(header))
