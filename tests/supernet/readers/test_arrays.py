"""Arrays of a user: headers that lie, files that are none, and sizes that memory does not hold."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from search_space.errors import DataError
from supernet.readers.arrays import read_arrays
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import arrays, write_npz


def write_header(path: Path, header: str, body: bytes = b"") -> Path:
    raw = header.encode()
    raw += b" " * ((64 - (len(raw) + 11) % 64) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + body)
    return path


def header(shape: str, kind: str = "'|u1'") -> str:
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    "written, got",
    [
        (header("((((((8"), "EOF|never closed"),
        ("(" * 3000, "EOF|never closed|too many"),
        ("nonsense \0", "Cannot parse header"),
        ("{'descr': 5}", "correct keys"),
        (header("(10000000000, 10, 10)"), r"a\.npy of 0 bytes, .* 1,000,000,000,000 bytes"),
        (header("(-5, 10)"), r"shape \(-5, 10\)"),
        (header("(10**400,)"), "malformed node"),
        (header("(1,) * 9"), "malformed node"),
        (header(str((1,) * 40)), r"shape \(1, 1"),
        (header("(5,)", "'|O'"), "objects"),
        (header("(5,)", "[('a', '|O')]"), "objects"),
        (header("(True,)"), "of 0 bytes|shape"),
    ],
)
def test_a_header_that_lies_is_one_line(tmp_path, written, got):
    with pytest.raises(DataError, match=rf"a\.npz: expected a complete .*got .*({got}).*; write it again") as caught:
        read_arrays(write_header(tmp_path / "a.npz", written), ["a"])
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "content, got",
    [
        (b"", "got an empty file"),
        (b"hello", "got no zip archive: it begins with b'hello'"),
        (pickle.dumps({}), "got no zip archive: it begins with"),
        (b"\x93NUMPY\x01\x00", "got a single array"),
    ],
)
def test_what_is_no_zip_archive_is_named_without_a_word_of_pickles(tmp_path, content, got):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=got) as caught:
        read_arrays(tmp_path / "a.npz", ["a"])
    assert "pickle" not in str(caught.value) and "unsafe" not in str(caught.value)


def test_an_encrypted_file_is_named(tmp_path):
    path = write_npz(tmp_path / "mine.npz")
    raw = bytearray(path.read_bytes())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(sign)
        while at >= 0:
            raw[at + place] |= 1
            at = raw.find(sign, at + 4)
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"got x_train\.npy, which is encrypted"):
        TASKS["npz"].load(options={"path": str(path)})


def test_memory_is_asked_for_before_it_is_taken(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros((1000, 1000)))
    assert path.stat().st_size < 20_000
    monkeypatch.setattr("supernet.readers.memory.available_memory", lambda: 10_000_000)
    monkeypatch.setattr("supernet.readers.arrays._array", lambda *a: pytest.fail("it was read first"))
    with pytest.raises(DataError, match=r"fits the memory .*got arrays a \(1000, 1000\), which takes 38\.1 MiB"):
        read_arrays(path, ["a"])


def load(path: Path, **options: object):
    return TASKS["npz"].load(options={"path": str(path), **options})


def test_columns_of_a_table_may_be_channels_of_one_pixel(tmp_path):
    data = load(write_npz(tmp_path / "mine.npz", **arrays(shape=(30, 1, 1))), patch_size=1)
    assert data.shape.input_shape == (30, 1, 1)


@pytest.mark.parametrize("size", [1e-29, 1e-20, 1.0, 1e20, 1e29])
def test_values_of_any_size_are_standardised(tmp_path, size):
    good = arrays()
    data = load(
        write_npz(tmp_path / "mine.npz", x_train=good["x_train"] / 255 * size, x_test=good["x_test"] / 255 * size)
    )
    assert data.train.inputs.std().item() == pytest.approx(1, abs=1e-3)
    assert data.test.inputs.isfinite().all()


def test_what_is_odd_in_arrays_is_told(tmp_path):
    good = arrays()
    x_train, x_test = good["x_train"] / 255, good["x_test"] / 255
    x_train[:, 2], x_test[3, 0, 0, 0] = 0.5, 1e6
    path = write_npz(tmp_path / "mine.npz", x_train=x_train, x_test=x_test, names=np.array(["a"]))
    notes = load(path).summary.notes
    assert notes[0] == "arrays that are not known are left out: names"
    assert any(note.startswith("values of the test pictures go as far as") for note in notes)
    assert "1 of 3 channels are constant in training, and are not scaled" in notes
