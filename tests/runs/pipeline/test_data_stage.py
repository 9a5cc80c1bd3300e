"""What is told of the data before a run begins."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from runs.pipeline.context import Context
from runs.pipeline.plan import Plan, Stage
from runs.pipeline.stages.data.understood import DATA
from runs.pipeline.stages.profile import PROFILE
from runs.pipeline.stages.train import TRAIN
from runs.pipeline.stages.trained.fidelities import ROUNDS
from runs.reporter import SilentReporter
from search_space.summary import DataSummary, Example

SUMMARY = DataSummary(
    facts={"examples": "9", "classes": "2"},
    notes=("1 text is cut",),
    examples=tuple(Example(target="x", text="word " * n) for n in (1, 40, 2)),
)


class Heard(SilentReporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)

    def warning(self, text: str) -> None:
        self.lines.append(f"warning: {text}")


def test_the_data_is_told_once_by_the_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    context = cast(Context, SimpleNamespace(data=SimpleNamespace(summary=SUMMARY), reporter=heard))
    plan = Plan(context)
    assert plan.run(DATA) is plan.run(DATA) is SUMMARY
    assert heard.lines[:2] == ["data, examples: 9", "data, classes: 2"]
    assert heard.lines[-1] == "warning: data: 1 text is cut"
    assert len(heard.lines) == 5 and max(map(len, heard.lines)) < 90
    heard.lines.clear()
    monkeypatch.setenv("RANK", "1")
    assert Plan(context).run(DATA) is SUMMARY and heard.lines == []


@pytest.mark.parametrize("stage", [PROFILE, TRAIN, ROUNDS], ids=lambda stage: stage.name)
def test_it_is_told_before_anything_is_measured_or_trained(stage: Stage[object]) -> None:
    assert DATA in stage.after
