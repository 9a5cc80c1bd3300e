"""A time budget for a whole run: how it is divided, and what is told before a run begins."""

from __future__ import annotations

import pytest

from hardware_profiles.duration import seconds
from runs.app.compose import compose
from runs.app.config import changed
from runs.app.time_budget import expected
from runs.pipeline.stages.trained.checkpoint import check_budget
from search_space.errors import ConfigError


def parts_of(config):
    fidelities = config.search.fidelities
    return config.profile.time_budget_s, fidelities.seconds, 2 * fidelities.baselines * fidelities.seconds


@pytest.mark.parametrize("task", ["digits", "fashion_mnist", "ett"])
@pytest.mark.parametrize("budget", ["3m", "1800", "2h"])
def test_the_parts_and_half_a_minute_make_the_whole(task, budget):
    config = compose(task=task, overrides={"time_budget": budget})
    parts = parts_of(config)
    assert sum(parts) + 30 == pytest.approx(seconds(budget, parameter="-"), abs=1)
    assert min(parts) > 0 and parts[0] <= seconds(budget, parameter="-") / 4 + 0.1


def test_a_task_keeps_a_shorter_time_for_its_profile():
    own = compose(task="digits").profile.time_budget_s
    assert compose(task="digits", overrides={"time_budget": "30m"}).profile.time_budget_s == own


def test_a_profile_that_is_given_takes_no_time():
    with_it, without = (compose(overrides={"time_budget": "5m", **m}) for m in ({"profile.path": "p.json"}, {}))
    more = with_it.search.fidelities.seconds - without.search.fidelities.seconds
    assert more * (1 + 2 * with_it.search.fidelities.baselines) == pytest.approx(without.profile.time_budget_s, abs=1)


def test_a_checkpoint_takes_its_training_from_what_the_search_has():
    config = compose(overrides={"time_budget": "10m"})
    own, search = config.search.fidelities, config.search_seconds(teacher=100.0)
    assert config.profile.time_budget_s + 100 + search * (1 + 2 * own.baselines) + 30 == pytest.approx(600, abs=1)
    assert config.search_seconds(teacher=1e6) == own.seconds / 4, "some is left for the search"
    assert compose().search_seconds(teacher=100.0) == compose().search.fidelities.seconds


def test_a_checkpoint_that_leaves_the_search_too_little_is_refused():
    config = compose(overrides={"time_budget": "10m"})
    check_budget(config, 300.0)
    with pytest.raises(ConfigError, match=r"time_budget: expected more than 13.3 min .* 300 steps take about 10.0 min"):
        check_budget(config, 600.0)
    check_budget(compose(), 600.0)


def test_it_is_divided_once_however_often_a_configuration_is_built():
    config = compose(overrides={"time_budget": "10m"})
    assert changed(config, {"finalists": 3}).search == config.search
    assert parts_of(changed(config, {"time_budget": "20m"})) > parts_of(config)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"time_budget": "90s"}, "time_budget: expected 120s or more"),
        ({"time_budget": "soon"}, "time_budget: expected a duration"),
        ({"time_budget": "-5m"}, "time_budget: expected a duration"),
        ({"time_budget": "10m", "search": "nasweave"}, "time_budget: expected search=fidelities"),
    ],
)
def test_what_cannot_be_divided_is_refused_in_one_line(overrides, said):
    with pytest.raises(ConfigError) as error:
        compose(overrides=overrides)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"time_budget": "10m"}, "about 10.0 min"),
        ({"profile.time_budget": None}, "and the profile"),
        ({"profile.path": "p.json"}, "a profile that is there"),
        ({"search": "random"}, "200 trials"),
    ],
)
def test_what_a_run_takes_is_told_as_far_as_it_is_known(overrides, said):
    assert said in expected(compose(task="digits", overrides=overrides))


def test_what_a_run_from_a_checkpoint_takes_has_its_training_in_it():
    config = compose(overrides={"time_budget": "10m", "init.format": "hf", "init.path": "DIR"})
    said = expected(config, teacher=90.0)
    assert "300 steps of the checkpoint 90 s, " in said and said.endswith("about 10.0 min")
    assert expected(config).endswith("and the checkpoint's steps")
