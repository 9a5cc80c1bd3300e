"""Whole files: permissions, threads, failures and what a killed process leaves."""

import os
import threading
import time

import pytest

from hardware_profiles.atomic import write_atomically


def test_new_file_has_the_permissions_of_any_other_file_of_the_user(tmp_path):
    write_atomically(tmp_path / "deep" / "new.json", b"new")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "deep" / "new.json").read_bytes() == b"new"
    assert (tmp_path / "deep" / "new.json").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_process_s_umask_is_never_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask belongs to all threads"))
    write_atomically(tmp_path / "file", b"content")


def test_concurrent_writers_leave_one_whole_file(tmp_path):
    contents = [bytes([65 + i]) * 200_000 for i in range(8)]
    threads = [threading.Thread(target=write_atomically, args=(tmp_path / "file", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() in contents
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    write_atomically(tmp_path / "file", b"old")

    def full(handle):
        raise OSError("disk is full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_remains_of_killed_writers_are_swept_when_old(tmp_path):
    old, young, others = (tmp_path / name for name in (".p[1].json.ab12.tmp", ".p[1].json.cd34.tmp", ".p1.json.ef.tmp"))
    for left in (old, young, others):
        left.write_bytes(b"half")
    for left in (old, others):
        os.utime(left, (time.time() - 7200,) * 2)
    write_atomically(tmp_path / "p[1].json", b"whole")
    assert not old.exists()
    assert young.exists() and others.exists()
