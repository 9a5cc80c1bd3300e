"""One run has one metric: others are refused, and so is comparing runs of several."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from runs.pipeline.compare import _metric
from runs.pipeline.config import TaskConfig
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.feasibility import _check_early_stop, _check_metric
from search_space.errors import ConfigError, StoreError
from search_space.metric import ACCURACY, Metric
from supernet.metrics import METRICS

F1 = METRICS["macro_f1"].metric


def record(metric: Metric | None) -> SearchRecord:
    return SearchRecord(seconds={}, trials={}, objectives=("validation_error", "latency_ms"), metric=metric)


def context(metric: Metric) -> Any:
    return SimpleNamespace(data=SimpleNamespace(metric=metric), folder="outputs/text/mine")


def test_a_record_keeps_its_metric() -> None:
    kept: dict[str, Any] = {}
    store: Any = SimpleNamespace(finish_stage=lambda *where, detail, fingerprint: kept.update(detail))
    record(F1).save(store, 1, fingerprint="f")
    assert SearchRecord._from_dict(kept).metric == F1
    assert SearchRecord._from_dict({**kept, "metric": None}).metric is None
    store.stage = lambda run_id, name: SimpleNamespace(detail={**kept, "metric": {"colour": "red"}})
    with pytest.raises(StoreError, match="the record of a search in the database"):
        SearchRecord.load(store, 1)


def test_a_run_goes_on_with_its_metric_alone() -> None:
    _check_metric(context(F1), record(F1))
    _check_metric(context(ACCURACY), record(None))  # of before there was a choice
    for now, before, named in ((F1, ACCURACY, "begun with, accuracy"), (F1, None, "that of the task itself")):
        with pytest.raises(StoreError, match=f"{named}, got macro F1; choose another name= for another metric"):
            _check_metric(context(now), record(before))


def test_what_is_no_mean_is_not_judged_by_a_part_of_the_examples() -> None:
    for name, refused in (("accuracy", False), ("macro_f1", True)):
        data = SimpleNamespace(measure=METRICS[name], metric=METRICS[name].metric)
        given: Any = SimpleNamespace(data=data, config=SimpleNamespace(evaluation=SimpleNamespace(early_stop=True)))
        with pytest.raises(ConfigError, match="false with macro F1") if refused else nullcontext():
            _check_early_stop(given)


def test_runs_of_several_metrics_are_not_compared() -> None:
    assert _metric([record(F1), record(F1)]) == F1
    assert _metric([record(None), record(ACCURACY)]) == ACCURACY and _metric([record(None), None]) is None
    for others in ([record(F1), record(ACCURACY)], [record(F1), record(None)]):
        with pytest.raises(ConfigError, match=r"^compare: expected runs of one metric, got .*macro F1"):
            _metric(others)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"class_weights": "heavy"}, r"task\.class_weights: expected balanced or null"),
        ({"sampling": "fair"}, r"task\.sampling: expected balanced or null"),
        ({"validation_share": 1.0}, r"task\.validation_share: expected between 0 and 1"),
        ({"metric": "quantile_loss", "quantile": float("nan")}, r"task\.quantile: expected between 0 and 1"),
        ({"quantile": 0.5}, r"task\.quantile: expected null without task\.metric=quantile_loss"),
        ({"folds": 1}, r"task\.folds: expected 2 or more"),
        ({"folds": 3, "fold": 3}, r"task\.fold: expected 0 to 2 of task\.folds"),
        ({"fold": 1}, r"task\.fold: expected 0 to 0 of task\.folds"),
    ],
)
def test_choices_of_no_sense_are_refused_before_data_is_read(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        TaskConfig(name="digits", **values)
