"""A fake machine's subjects, and a bundle that is exported once a module."""

import shutil
from pathlib import Path

import pytest

from tests.hardware_profiles.bundles import write


@pytest.fixture
def subjects_travel_in_the_policy(monkeypatch):
    """The fake machine tells its subjects apart by the policy, which its runtime does not check."""
    monkeypatch.setattr("hardware_profiles.runtime.check_policy", lambda runtime, policy, **_: None)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "bundle"
    return folder, write(folder)


@pytest.fixture
def bundle(exported, tmp_path):
    return Path(shutil.copytree(exported[0], tmp_path / "bundle"))
