"""The registry finds members by file and says what exists."""

from __future__ import annotations

import importlib.metadata

import pytest

from search_space import Registry, registry
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


def test_other_distributions_add_members_by_entry_points(plugins, tmp_path, monkeypatch):
    (tmp_path / "made_up_distribution.py").write_text("THING = 30")
    asked = []

    def entry_points(*, group):
        asked.append(group)
        entries = [("three", "made_up_distribution"), ("one", "made_up_distribution")]
        return [importlib.metadata.EntryPoint(name=n, value=v, group=group) for n, v in entries]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert dict(plugins) == {"one": 1, "three": 30, "two": 2}, "an own file wins over a stranger of its name"
    assert list(plugins) == ["one", "three", "two"] and "three" in plugins
    assert asked == ["nasweave.made_up_plugins"]


def test_a_mixer_of_another_distribution_is_in_the_catalogue(tmp_path, monkeypatch):
    from supernet import catalogue
    from supernet.catalogue import MIXERS

    assert "theirs" not in catalogue().mixers
    (tmp_path / "their_mixer.py").write_text(
        "from dataclasses import replace\n"
        "from supernet.mixers.pooling import Pooling\n"
        "class Theirs(Pooling):\n"
        "    spec = replace(Pooling.spec, key='theirs')\n"
        "BLOCK = Theirs\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = importlib.metadata.EntryPoint(name="theirs", value="their_mixer", group="nasweave.supernet.mixers")
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [entry] if group == entry.group else [])
    monkeypatch.delitem(MIXERS.__dict__, "_sources")  # found once; the next catalogue looks again
    assert catalogue().spec("mixer", "theirs").key == "theirs"
