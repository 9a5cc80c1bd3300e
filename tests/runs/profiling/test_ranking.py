"""A profile that cannot tell networks apart says so: of few measurements, or of noisy ones."""

from __future__ import annotations

import pytest

from predictors import LatencyPredictor
from runs.profiling.ranking import ranking_warning
from search_space import SearchSpace
from tests.predictors.synthetic import network_ms, profile


def said(space: SearchSpace, **settings) -> str | None:
    made = profile(space, truth=network_ms, **settings)
    return ranking_warning(made, LatencyPredictor(space).fit(made), space)


def test_a_good_profile_says_nothing(space: SearchSpace):
    assert said(space, networks=40, noise=0.01) is None


@pytest.mark.parametrize("settings", [{"networks": 40, "noise": 3.0}, {"networks": 1}])
def test_a_profile_that_ranks_nothing_says_what_it_knows_and_a_remedy(space: SearchSpace, settings):
    text = said(space, **settings)
    assert text is not None and "\n" not in text
    assert f"{len(space.blocks)} of {len(space.blocks)} blocks and {settings['networks']} networks" in text
    assert "profile.time_budget=" in text and "name=" in text
