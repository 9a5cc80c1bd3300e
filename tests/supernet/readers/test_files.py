"""Files of a user: only regular ones are opened, and none that memory does not hold."""

from __future__ import annotations

import gzip
import os
import socket

import pytest

from search_space.errors import ConfigError, DataError
from supernet.readers import files, memory
from supernet.readers.files import find_file, find_folder, read_bytes, read_gzip, read_text
from supernet.readers.memory import available_memory, require_memory, size_text
from supernet.readers.words import counted, shown
from supernet.tasks import TASKS

TASKS_OF_FILES = ("csv", "image_folder", "npz", "text")


@pytest.mark.parametrize("task", TASKS_OF_FILES)
@pytest.mark.parametrize(
    "path, got",
    [
        ("~nosuchuser/x", "nothing at ~nosuchuser/x, neither here"),
        ("a\0b", r"nothing at a\\x00b, .*embedded null byte"),
        ("a**b", r"nothing at a\*\*b"),
        ("x" * 5000, r"nothing at x+ \.\.\., .*File name too long"),
        ("\ud800", r"nothing at \\ud800"),
        ("line\nbreak", r"nothing at line\\nbreak"),
        ("/dev/zero", "a device at /dev/zero"),
        ("/dev/null/x", "nothing at .*Not a directory"),
    ],
)
def test_a_path_that_is_none_is_one_line(task, path, got, tmp_path):
    with pytest.raises(DataError, match=rf"^task\.options\.path: expected .*, got {got}") as caught:
        TASKS[task].load(data_root=tmp_path, options={"path": path})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", ["", " ", "\t"])
def test_no_path_is_asked_for(path, tmp_path):
    with pytest.raises(ConfigError, match=r"^task\.options\.path: expected the path of a file, got nothing"):
        find_file(path, tmp_path, kind="a file")


def test_a_pipe_a_socket_and_a_folder_are_named_before_anything_waits(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(DataError, match=r"got a pipe at .*x\.csv"):
        find_file("x.csv", tmp_path, kind="a file")
    with pytest.raises(DataError, match=r"x\.csv: expected a readable file, got a pipe"):
        read_bytes(tmp_path / "x.csv")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(DataError, match="got a socket"):
            find_file("s", tmp_path, kind="a file")
    with pytest.raises(DataError, match="expected a file, got a folder at"):
        find_file(str(tmp_path), tmp_path, kind="a file")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="expected a folder, got a file at"):
        find_folder("file", tmp_path, kind="a folder")


def test_a_file_that_memory_does_not_hold_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(3 << 40)  # it takes no place on the disk
    with pytest.raises(
        DataError, match=r"large\.csv: expected data that fits the memory that is free, .*, which takes 24 TiB"
    ):
        read_text(path)
    monkeypatch.setattr(memory, "available_memory", lambda: 999)
    require_memory(999, parameter="x", what="it", remedy="")
    with pytest.raises(DataError, match=r"^x: expected .*free, 999 bytes, got it, which takes 1000 bytes; less"):
        require_memory(1000, parameter="x", what="it", remedy="less")


def test_the_free_memory_is_that_of_the_machine_at_most():
    assert 10_000_000 < available_memory() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_container_without_a_limit_and_one_with_one(tmp_path, monkeypatch):
    for name, content in (("max", "1000"), ("current", "900"), ("stat", "anon 5\ninactive_file 50\n")):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(memory, "_CGROUPS", [[str(tmp_path / name) for name in ("max", "current", "stat")]])
    assert available_memory() == 150
    (tmp_path / "max").write_text("max\n")
    assert available_memory() > 10_000_000


@pytest.mark.parametrize(
    "damage, got",
    [
        (lambda raw: raw[:-9], "ends too early"),
        (lambda raw: b"no gzip", "incorrect header"),
        (lambda raw: raw[:20] + b"\xff\xff" + raw[22:], "invalid|incorrect"),
        (lambda raw: gzip.compress(bytes(1 << 19)) * 3, "more than 1,048,576 bytes"),
    ],
)
def test_damaged_and_exploding_gzip_files_are_one_line(damage, got, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_MOST_UNPACKED", 1 << 20)
    raw = gzip.compress(os.urandom(200))
    (tmp_path / "a.gz").write_bytes(damage(raw))
    with pytest.raises(DataError, match=rf"a\.gz: expected a readable gzip file, got .*({got})"):
        read_gzip(tmp_path / "a.gz")


def test_gzip_files_of_several_members_are_read_whole(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one ") + gzip.compress(b"two") + bytes(100))
    assert read_gzip(tmp_path / "a.gz") == b"one two"


def test_what_a_disk_says_in_the_middle_is_one_line(tmp_path, monkeypatch):
    def fails(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied", "/some/where")

    monkeypatch.setattr(TASKS["csv"], "read", fails)
    with pytest.raises(DataError, match=r"^/some/where: expected data that can be read.*got Permission denied; "):
        TASKS["csv"].load(data_root=tmp_path)
    monkeypatch.setattr(TASKS["csv"], "read", lambda *a, **k: bytearray(1 << 62))
    with pytest.raises(DataError, match="fits the memory, got MemoryError"):
        TASKS["csv"].load(data_root=tmp_path)


def test_words_of_a_user_are_shown_in_one_short_line():
    assert shown("a\n\ud800\u2028\x1b[31m") == r"a\n\ud800\u2028\x1b[31m"
    assert shown("x" * 10**6).endswith("x ...") and len(shown("\0" * 100)) == 60
    assert (counted(1, "row"), counted(2000, "row")) == ("1 row", "2,000 rows")
    assert [size_text(n) for n in (10, 2048, 3 << 20, 5 << 50)] == ["10 bytes", "2 KiB", "3 MiB", "5 PiB"]
