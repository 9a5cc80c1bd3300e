"""Graphs on disk: whole or not there, whoever writes, and never in the way."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hardware_profiles.onnx.cache import VARIABLE, GraphCache, cache_folder

KEY = '{"recipe":"one"}'


def files(cache):
    return [p for p in cache.folder.rglob("*") if p.is_file()]


def test_what_was_put_is_there_for_others_and_under_its_key_alone(tmp_path):
    GraphCache(tmp_path).put(KEY, b"graph\nwith\x00bytes")
    other = GraphCache(tmp_path)
    assert other.get(KEY) == b"graph\nwith\x00bytes" and other.get(KEY + "2") is None
    count, size = other.size()
    assert count == 1 and size == files(other)[0].stat().st_size


@pytest.mark.parametrize("harm", ["half", "changed", "foreign", "empty", "of another key"])
def test_anything_else_in_a_file_is_as_good_as_nothing(tmp_path, harm):
    cache = GraphCache(tmp_path)
    cache.put(KEY, bytes(range(256)) * 8)
    (path,) = files(cache)
    content = path.read_bytes()
    if harm == "of another key":
        cache.put(KEY + "2", b"its graph")
        (other,) = set(files(cache)) - {path}
        content = other.read_bytes()
    spoilt = {
        "half": content[: len(content) // 2],
        "changed": content[:-1] + b"\x00",
        "foreign": b"\x08\x01 something",
        "empty": b"",
        "of another key": content,
    }
    path.write_bytes(spoilt[harm])
    assert cache.get(KEY) is None
    cache.put(KEY, b"anew")
    assert cache.get(KEY) == b"anew"


def test_many_writers_leave_one_whole_file(tmp_path):
    graphs = [bytes([i]) * 200_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda graph: GraphCache(tmp_path).put(KEY, graph), graphs))
    assert GraphCache(tmp_path).get(KEY) in graphs and len(files(GraphCache(tmp_path))) == 1


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = GraphCache(tmp_path / "file" / "graphs")
    with caplog.at_level(logging.WARNING, logger="nasweave.hardware_profiles"):
        cache.put(KEY, b"graph")
        cache.put(KEY + "2", b"graph")
    assert cache.get(KEY) is None and cache.size() == (0, 0)
    assert len(caplog.records) == 1 and VARIABLE in caplog.text


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path, caplog, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    cache = GraphCache(tmp_path)
    cache.put(KEY, b"graph")
    assert "No space left" in caplog.text and not files(cache)


def test_the_folder_follows_the_variables(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path / "graphs"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "nasweave" / "graphs"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "nasweave" / "graphs"
    GraphCache(None).put(KEY, b"graph")
    assert GraphCache(None).get(KEY) is None
