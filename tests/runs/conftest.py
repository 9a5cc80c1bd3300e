"""One finished run for a whole module: its tests go on with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def finished(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which one run was made."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("run"), dirs_exist_ok=True)
