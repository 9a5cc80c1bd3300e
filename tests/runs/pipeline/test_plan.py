"""A plan puts stages in the order of their needs, does each once, and says what was done before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from runs.pipeline.context import Context
from runs.pipeline.plan import SECONDS, Plan, Stage
from runs.reporter import SilentReporter


class Heard(SilentReporter):
    """Remembers which stages were skipped."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def skipped(self, stage: str) -> None:
        """Remember the stage."""
        self.stages.append(stage)


@pytest.fixture
def context() -> Context:
    return cast(Context, SimpleNamespace(reporter=Heard()))


@pytest.fixture
def log() -> list[str]:
    return []


def stage(log: list[str], name: str, **options: Any) -> Stage[str]:
    def run(context: Context, *artifacts: str) -> str:
        log.append(name)
        return f"{name}({', '.join(artifacts)})"

    return Stage(name=name, run=run, **options)


def test_needs_come_first_and_their_artifacts_are_passed_in_order(context, log) -> None:
    first = stage(log, "first")
    a, b = stage(log, "a", needs=(first,)), stage(log, "b", needs=(first,))
    last = stage(log, "last", needs=(b, a))
    assert Plan(context).run(last) == "last(b(first()), a(first()))"
    assert log == ["first", "b", "a", "last"]


def test_what_comes_before_is_done_first_of_all_and_gives_nothing(context, log) -> None:
    before, need = stage(log, "before"), stage(log, "need")
    assert Plan(context).run(stage(log, "last", needs=(need,), after=(before,))) == "last(need())"
    assert log == ["before", "need", "last"]


def test_a_stage_is_done_once_in_a_plan_and_again_in_another(context, log) -> None:
    first = stage(log, "first")
    plan = Plan(context)
    assert plan.run(first) is plan.run(first)
    assert log == ["first"]
    Plan(context).run(first)
    assert log == ["first", "first"]


def test_another_stage_takes_the_place_of_one(context, log) -> None:
    train, load = stage(log, "train"), stage(log, "load")
    plan = Plan(context, replace={train: load})
    assert plan.run(stage(log, "work", needs=(train,))) == "work(load())"
    assert plan.run(train) == "load()" and log == ["load", "work"]


def test_what_was_done_before_is_said_and_its_artifact_is_there(context, log) -> None:
    need = stage(log, "need", done=lambda context: False)
    again = stage(log, "again", needs=(need,), done=lambda context, artifact: artifact == "need()")
    assert Plan(context).run(again) == "again(need())"
    assert cast(Heard, context.reporter).stages == ["again"]


def test_a_stage_that_fails_is_not_remembered(context, log) -> None:
    def fail(context: Context) -> None:
        log.append("tried")
        raise ValueError("once")

    broken: Stage[None] = Stage(name="broken", run=fail)
    plan = Plan(context)
    for _ in range(2):
        with pytest.raises(ValueError, match="once"):
            plan.run(broken)
    assert log == ["tried", "tried"]


def test_a_stage_can_ask_for_the_seconds_of_those_before_it(context, log) -> None:
    def names(context: Context, need: str, seconds: dict[str, float]) -> set[str]:
        assert all(value >= 0 for value in seconds.values())
        return set(seconds)

    first = stage(log, "first")
    asking: Stage[set[str]] = Stage(name="asking", run=names, needs=(stage(log, "need", needs=(first,)), SECONDS))
    assert Plan(context).run(asking) == {"first", "need"}
