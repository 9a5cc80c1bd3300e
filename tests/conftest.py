"""Spaces that tests of every package share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from hardware_profiles.onnx.cache import VARIABLE
from runs.search.testing import small_space
from search_space import SearchSpace
from tests.runs.tiny import TINY, nasweave

_GRAPHS = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Give all test processes one cache of graphs of their own."""
    if not hasattr(config, "workerinput"):
        config.stash[_GRAPHS] = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="nasweave-graphs-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it."""
    if _GRAPHS in config.stash:
        shutil.rmtree(config.stash[_GRAPHS], ignore_errors=True)


@pytest.fixture(scope="session")
def make_space() -> Callable[..., SearchSpace]:
    """Return a maker of small image spaces: ``make_space(depth=[2], task=...)`` overrides the declaration."""
    return small_space


@pytest.fixture(scope="session")
def space(make_space: Callable[..., SearchSpace]) -> SearchSpace:
    """Return a small image space with every precision."""
    return make_space()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of a finished tiny run, made once for all test processes: copy it, work elsewhere."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "tiny_run"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = tmp_path_factory.mktemp("tiny_run")
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(unfinished)
                assert nasweave(patch, "run", *TINY) == 0
            unfinished.rename(folder)
    return folder
