"""What a search in fidelities has no use for is refused, and no task asks for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hydra_conf
from runs.app.compose import compose
from runs.objectives import objectives_by_name
from runs.pipeline.config import Config
from runs.pipeline.context import Command
from runs.pipeline.stages import feasibility
from search_space.errors import ConfigError

TASKS = sorted(path.stem for path in (Path(next(iter(hydra_conf.__path__))) / "task").glob("*.yaml"))
NEEDS = ("audio_folder", "csv", "embedding", "image_folder", "labelled_series", "npz", "table", "text", "token_labels")


def check(config: Config, *words: str) -> None:
    objectives = objectives_by_name(config.search.objectives)
    context: Any = SimpleNamespace(config=config, command=Command(overrides=words), objectives=objectives)
    feasibility._check_fidelities(context)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_can_be_searched_as_it_is(task: str) -> None:
    config = compose(task=task, overrides={"task.options.path": "mine"} if task in NEEDS else {})
    assert config.search.method == "fidelities"
    check(config)


@pytest.mark.parametrize("word", ["search.n_trials=200", "search.sampler=tpe", "search.settings.batch=4"])
def test_what_only_samplers_know_is_refused_where_a_user_asks_for_it(word: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{word.partition('=')[0]}: .*search\.fidelities\.time_budget"):
        check(compose(task="digits", overrides={}), word)
