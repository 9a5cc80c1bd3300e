"""Spaces that tests of every package share."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware_profiles.onnx.cache import VARIABLE
from runs.search.testing import small_space
from search_space import SearchSpace
from tests.once import once
from tests.runs.tiny import TINY, nasweave

_GRAPHS = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Give all test processes one cache of graphs of their own, and let those that they start keep their bytecode."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each would compile the whole program anew: a third of its start
    sys.dont_write_bytecode = False
    gc.set_threshold(100_000, 20, 100)  # exports make millions of objects, of which few are garbage
    if not hasattr(config, "workerinput"):
        config.stash[_GRAPHS] = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="nasweave-graphs-")


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later look for garbage."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture
def fresh_logging() -> None:
    """Take away what a command line in this process has set up for logging: a user's program begins without it."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if type(handler).__module__.startswith("runs.")]:
        root.removeHandler(handler)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of a finished tiny run, made once for all test processes."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert nasweave(patch, "run", *TINY) == 0

    return once(tmp_path_factory, worker_id, "tiny_run", make)
