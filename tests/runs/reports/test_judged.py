"""Results of each class and doubts about a front: numbers by scikit-learn, and what an accuracy hides is said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as truth

from runs.reports import ClassResults, Doubt, LabelResults, ReportData, SimpleModel, terminal_lines
from runs.reports.answer import headline, points_text, verdict
from runs.reports.judged.tables import MOST_CLASSES, class_table
from runs.reports.judged.texts import doubt_text, majority_text
from runs.reports.tables import answer_table, front_table
from runs.reports.write import write_report
from search_space.metric import Metric
from tests.runs.reports.page import Page

F1 = Metric(key="macro_f1", name="macro F1", unit="%", best=100.0)
R2 = Metric(key="r2", name="R2", best=1.0)


def results(data: ReportData, confusion: list[list[int]]) -> ClassResults:
    labels = ("other", "complaint", "praise")[: len(confusion)]
    return ClassResults(key=data.front[0].key, labels=labels, confusion=np.array(confusion))


def test_shares_are_those_of_scikit_learn(report_data: ReportData) -> None:
    rng = np.random.default_rng(0)
    right, answers = rng.integers(0, 3, 200), rng.integers(0, 2, 200)
    confusion = truth.confusion_matrix(right, answers, labels=range(3))
    found = results(report_data, confusion.tolist())
    precision, recall, f1, support = truth.precision_recall_fscore_support(right, answers, zero_division=np.nan)
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    assert found.support.tolist() == support.tolist() and found.missed == (("praise", int(support[2])),)
    assert found.accuracy == pytest.approx(truth.accuracy_score(right, answers))


def test_an_accuracy_that_finds_nothing_rare_is_told(report_data: ReportData, tmp_path: Path) -> None:
    data = doubtful(report_data, standard_error=0.9)
    data = dataclasses.replace(data, classes=results(report_data, [[196, 0], [4, 0]]))
    key = report_data.front[0].key
    assert majority_text(data) == "Always answering other has 98.0 % test accuracy"
    said = verdict(data)
    assert f"{key} has 98.0 % test accuracy, no more than always answering other" in said
    missed = f"{key} finds none of the 4 test examples of complaint; task.metric=macro_f1 with task.sampling=balanced"
    assert any(sentence.startswith(missed) for sentence in said)
    write_report(data, tmp_path)
    page = Page((tmp_path / "index.html").read_text())
    assert "validation examples do not tell" in page.text
    assert "Classes" in page.text and missed in page.text and page.figures["confusion"]["data"]
    assert "![confusion](confusion.png)" in (tmp_path / "report.md").read_text()
    table = pd.read_csv(tmp_path / "classes.csv")
    assert table["support"].tolist() == [196, 4] and table["taken for other"].tolist() == [196, 4]
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_labels_and_words_are_called_so(report_data: ReportData, tmp_path: Path) -> None:
    rng, key = np.random.default_rng(0), report_data.front[0].key
    there, answers = rng.random((50, 2)) < 0.5, rng.random((50, 2)) < [0.5, 0.0]
    counts = np.stack([there.sum(0), (there & answers).sum(0), answers.sum(0)])
    found = LabelResults(key=key, labels=("food", "travel"), counts=counts)
    precision, recall, f1, _ = truth.precision_recall_fscore_support(there, answers, zero_division=np.nan)
    np.testing.assert_allclose((found.precision, found.recall, found.f1), (precision, recall, f1))
    data = dataclasses.replace(report_data, classes=found)
    assert majority_text(data) == "" and f"{key} finds none of the {counts[0, 1]} test examples of travel" in " ".join(
        verdict(data)
    )
    write_report(data, tmp_path)
    page = Page((tmp_path / "index.html").read_text())
    assert "Test examples of each label" in page.text and page.figures["confusion"] is None
    assert "## Labels" in (tmp_path / "report.md").read_text() and not (tmp_path / "confusion.png").exists()
    assert "label" in pd.read_csv(tmp_path / "classes.csv")
    words = dataclasses.replace(results(report_data, [[196, 0], [4, 0]]), what="words")
    said = " ".join(verdict(dataclasses.replace(report_data, classes=words)))
    assert "finds none of the 4 test words of complaint" in said and "task.class_weights=balanced" in said
    assert class_table(words).header[-1] == "test words"


def test_nothing_is_said_where_all_is_found(report_data: ReportData) -> None:
    data = dataclasses.replace(report_data, classes=results(report_data, [[190, 6], [1, 3]]), metric=F1)
    assert not any("none" in s or "always" in s for s in verdict(data))
    assert not any("test accuracy" in sentence for sentence in verdict(report_data))


def test_of_many_classes_the_worst_are_shown(report_data: ReportData) -> None:
    confusion = np.diag(np.full(60, 10))
    confusion[7] = np.roll(confusion[7], 1)
    found = ClassResults(key="k", labels=tuple(map(str, range(60))), confusion=confusion)
    table = class_table(found)
    assert len(table.rows) == MOST_CLASSES and [str(cell) for cell in table.rows[0]] == [
        "7",
        "—",
        "0.0 %",
        "0.0 %",
        "10",
    ]


def doubtful(data: ReportData, *, standard_error: float) -> ReportData:
    best, worst = data.front[-1].key, data.front[0].key
    doubt = Doubt(examples=200, best=best, worst=worst, difference=1.5, standard_error=standard_error)
    return dataclasses.replace(data, doubt=doubt)


def test_a_front_within_the_noise_of_its_examples_is_told(report_data: ReportData) -> None:
    assert doubt_text(report_data) == doubt_text(doubtful(report_data, standard_error=0.2)) == ""
    text = doubt_text(doubtful(report_data, standard_error=0.9))
    assert "200 validation examples do not tell" in text and "differ by 1.5 ± 0.9 points" in text


@pytest.mark.parametrize(
    ("metric", "shown", "differs"),
    [(F1, "test macro F1 ", "2.0 points less macro F1"), (R2, "test R2 ", "2 less R2")],
)
def test_every_text_names_the_metric_and_its_direction(report_data, metric, shown, differs) -> None:
    error = report_data.objectives[0].read_as(metric)
    data = dataclasses.replace(report_data, objectives=(error, *report_data.objectives[1:]), metric=metric)
    model = SimpleModel(name="a rule", validation_error=0.1, test_error=0.1, params=1, seconds=0.1, examples=9)
    data = dataclasses.replace(data, simple_models=(model,))
    assert points_text(data, 2.0) == differs and "error" not in headline(data)
    assert f"A rule has {shown}" in verdict(data)[-1] and "higher than every network of the front" in verdict(data)[-1]
    assert answer_table(data).header[1:3] == (f"test {metric}", f"validation {metric}")
    assert f"test {metric}" in front_table(data).header and f"validation 1 - {metric}" in front_table(data).header
    assert any(f"test {metric}" in line for line in terminal_lines(data))
