"""A fresh database for each test: SQLite always, PostgreSQL where a server is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.store import Run, Store
from search_space import Architecture, Layer
from tests.runs.databases import postgresql_schema

ARCHITECTURE = Architecture(embed_dim=64, layers=(Layer(mixer="softmax", num_heads=4, channel_mixer="mlp", ratio=2.0),))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/nasweave.db"
        return
    # A session far from UTC: times must come back in UTC all the same.
    with postgresql_schema("-ctimezone=Asia/Kolkata") as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    return store.open_run("outputs/digits/a", task="digits", name="a", space_fingerprint="f1", space_json="{}")
