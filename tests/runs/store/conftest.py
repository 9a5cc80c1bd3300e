"""A fresh database for each test: SQLite always, PostgreSQL where a server is named."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from runs.store import Run, Store

POSTGRESQL = "NASWEAVE_TEST_POSTGRESQL_URL"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/nasweave.db"
        return
    if POSTGRESQL not in os.environ:
        pytest.skip(f"{POSTGRESQL} names no server")
    server = make_url(os.environ[POSTGRESQL]).set(drivername="postgresql+psycopg")
    schema = f"nasweave_test_{uuid.uuid4().hex}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    # A session far from UTC: times must come back in UTC all the same.
    options = f"-csearch_path={schema} -ctimezone=Asia/Kolkata"
    yield server.update_query_dict({"options": options}).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    return store.open_run("outputs/digits/a", task="digits", name="a", space_fingerprint="f1", space_json="{}")
