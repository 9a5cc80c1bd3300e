"""One finished run for a whole module, whose tests go on with it, and the databases that a shared search can be in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.databases import postgresql_schema


@pytest.fixture(scope="module")
def finished(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which one run was made."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("run"), dirs_exist_ok=True)


@pytest.fixture(params=["journal", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database."""
    if request.param == "journal":
        yield f"sqlite+journal:///{tmp_path}/a.db"
        return
    with postgresql_schema() as schema:
        yield schema
