"""One search whose study is called s, and how its trials stand."""

from __future__ import annotations

from typing import Any

import optuna

from runs.search import (
    Recorder,
    SearchResult,
    StudyRecord,
    build_sampler,
    run_search,
)
from tests.runs.search.problem import SyntheticQuality


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


def run_once(
    bench: SyntheticQuality, url: str | None, n: int = 6, recorder: Recorder | None = None, **changes: Any
) -> SearchResult:
    problem, made = bench.problem(n, **changes.pop("problem", {})), changes.pop("sampler", "random")
    record = StudyRecord(name="s", storage_url=url, recorder=recorder, identity=changes.pop("identity", {}))
    return run_search(
        bench.space,
        problem=problem,
        sampler=build_sampler(made, bench.space, problem=problem) if isinstance(made, str) else made,
        record=record,
        **{"evaluate": bench.evaluate, **changes},
    )


def load_study(url: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(study_name="s", storage=url)


def states(url: str) -> list[str]:
    return [trial.state.name for trial in load_study(url).trials]
