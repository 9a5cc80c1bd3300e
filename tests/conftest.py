"""Spaces that tests of every package share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from hardware_profiles.onnx.cache import VARIABLE
from search_space import SearchSpace, TaskShape, space_from_mapping
from supernet import catalogue
from tests.runs.tiny import TINY, nasweave

_GRAPHS = pytest.StashKey[str]()
IMAGE = TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4))
DECLARATION: dict[str, Any] = {
    "name": "small",
    "embed_dim": [16, 24, 32],
    "depth": [1, 2, 3],
    "head_dim": 8,
    "mixer": ["softmax", "identity"],
    "num_heads": [1, 2],
    "channel_mixer": ["mlp", "identity"],
    "ratio": [1, 2],
    "precision": ["float", "w8a8", "w8", "w4"],
}


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

    def make(*, task: TaskShape = IMAGE, **overrides: Any) -> SearchSpace:
        return space_from_mapping({**DECLARATION, **overrides}, task=task, catalogue=catalogue())

    return make


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
