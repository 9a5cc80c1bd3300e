"""The registry finds members by file and says what exists."""

from __future__ import annotations

import pytest

from search_space import Registry
from search_space.errors import ConfigError


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    folder = tmp_path / "made_up_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text("THING = 1")
    (folder / "two.py").write_text("THING = 2")
    (folder / "_hidden.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Registry("made_up_plugins", "THING")


def test_members_are_the_public_files(plugins):
    assert dict(plugins) == {"one": 1, "two": 2}


def test_an_unknown_key_names_the_known_ones(plugins):
    with pytest.raises(ConfigError, match="expected one of one, two, got 'three'"):
        plugins["three"]
    assert "three" not in plugins
