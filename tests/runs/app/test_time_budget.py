"""A time budget for a whole run: how it is divided, and what is told before a run begins."""

from __future__ import annotations

import pytest

from hardware_profiles.duration import seconds
from runs.app.compose import compose
from runs.app.config import changed
from runs.app.time_budget import expected
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
