"""A search whose answer is known."""

from __future__ import annotations

import pytest

from search_space import SearchSpace
from tests.runs.search.problem import SyntheticQuality


@pytest.fixture
def bench(space: SearchSpace) -> SyntheticQuality:
    return SyntheticQuality(space)
