"""The databases that a shared search can be in, and a search whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_space import SearchSpace
from tests.runs.databases import postgresql_schema
from tests.runs.search.problem import SyntheticQuality


@pytest.fixture(params=["journal", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "journal":
        yield f"sqlite+journal:///{tmp_path}/a.db"
        return
    with postgresql_schema() as schema:
        yield schema


@pytest.fixture
def bench(space: SearchSpace) -> SyntheticQuality:
    return SyntheticQuality(space)
