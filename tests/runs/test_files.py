"""A folder that is written anew is whole, the old one, or not there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runs.files import new_folder


def test_a_full_disk_leaves_no_half_folder(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with new_folder(tmp_path / "k") as new:
            (new / "a").write_bytes(b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError), new_folder(tmp_path / "k") as new:
            (new / "a").write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [p.name for p in tmp_path.iterdir()] == ["k"] and (tmp_path / "k" / "a").read_bytes() == b"old"


def test_what_a_killed_export_left_is_removed(tmp_path):
    (tmp_path / ".k.left").mkdir()
    (tmp_path / ".k.left" / "model.onnx").write_bytes(b"half")
    with new_folder(tmp_path / "k"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["k"]


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path, monkeypatch):
    with new_folder(tmp_path / "k") as new:
        (new / "a").write_bytes(b"old")
    rename = os.replace

    def fail(source, target):
        if Path(target) == tmp_path / "k" and not str(source).endswith(".old"):
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError), new_folder(tmp_path / "k") as new:
        (new / "a").write_bytes(b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["k"] and (tmp_path / "k" / "a").read_bytes() == b"old"
