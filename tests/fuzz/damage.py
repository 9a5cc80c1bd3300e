"""What may be wrong with a file: its bytes, its cells and values, its columns and arrays, its name and its kind."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.hardware_profiles.test_hostile_files import places
from tests.runs.app.fuzz_keys import NUMBERS, TEXTS

__all__ = ["damaged", "in_place"]

_PIECES = (b"", b'"', b"'", b"\0", b",", b"\n", b"\r", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"1e999", b"[" * 3000)
_BREAKS = b",;\t |\n:"
_NAMES = ("\x1b[31m", "a\nb", "[red]", "*", "-x", "é" * 100, ".hidden", "a b", "$(x)", "%s", "\udcff", "x.png.txt")
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e300, -1e300, 1e-300, float("nan"), float("inf"), 2**63, 10**400, "", "1", "x" * 5000,
    "../../x", "/dev/zero", "a\0b", "a\nb", "\ud800", "[/bold]", [], {}, [[]], [None], {"a": 1}, [1, "a"],
)  # fmt: skip
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "HSV", "YCbCr")


def damaged(raw: bytes, suffix: str, random: Random) -> bytes:
    """Return other content for a file; the same random numbers give the same."""
    if suffix == ".gz" and random.random() < 0.5:
        return gzip.compress(damaged(gzip.decompress(raw), "", random), 1)
    choices: list[Callable[[bytes, Random], bytes]] = [_bytes, _cells]
    special = {".json": _json, ".jsonl": _json_lines, ".npz": _arrays, ".parquet": _columns, ".arrow": _columns}
    pictures = dict.fromkeys((".png", ".jpeg", ".tiff", ".webp", ".gif", ".bmp"), _picture)
    if found := (special | pictures).get(suffix):
        choices += [found, found]
    return random.choice(choices)(raw, random)


@contextmanager
def in_place(path: Path, random: Random) -> Iterator[None]:
    """Damage a file, or put something else in its place, and bring it back at the end."""
    raw, other = path.read_bytes(), path
    if random.random() < 0.85:
        path.write_bytes(damaged(raw, path.suffix, random))
    else:
        path.unlink()
        other = _another(path, raw, random)
    try:
        yield
    finally:
        for left in (other, path):
            with suppress(FileNotFoundError):
                left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()
        path.write_bytes(raw)


def _another(path: Path, raw: bytes, random: Random) -> Path:
    """Put a pipe, a link, a folder, a socket, nothing or a file of a strange name where a file was."""
    match random.randrange(6):
        case 0:
            os.mkfifo(path)
        case 1:
            path.symlink_to(random.choice(["/dev/zero", "/dev/full", "/nothing", "/etc", path.name]))
        case 2:
            path.mkdir()
        case 3:
            with suppress(OSError), socket.socket(socket.AF_UNIX) as server:  # too long a path for one
                server.bind(str(path))
        case 4:
            path = path.with_name(random.choice(_NAMES) + path.suffix)
            path.write_bytes(raw)
    return path


def _bytes(raw: bytes, random: Random) -> bytes:
    kind = random.random()
    if kind < 0.05:
        return random.choice([b"", random.randbytes(200), raw[:12] + random.randbytes(60)])
    if kind < 0.15:
        return raw[: random.randrange(len(raw) + 1)]
    out = bytearray(raw)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(min(len(out), random.choice([64, 1 << 30])) + 1)  # heads of files decide most
        piece = random.choice([*_PIECES, random.randbytes(1), random.randbytes(4)])
        out[at : at + random.choice([0, 1, 4, len(piece), 100])] = piece
    return bytes(out)


def _cells(raw: bytes, random: Random) -> bytes:
    """Replace what stands between two separators."""
    ends = [i for i, byte in enumerate(raw[:20_000]) if byte in _BREAKS]
    if len(ends) < 2:
        return _bytes(raw, random)
    for _ in range(random.randint(1, 3)):
        i = random.randrange(len(ends) - 1)
        word = random.choice([*NUMBERS, *TEXTS]).encode(errors="surrogatepass")
        raw = raw[: ends[i] + 1] + word + raw[ends[i + 1] :]
        ends = ends[: i + 1]
        if len(ends) < 2:
            break
    return raw


def _json(raw: bytes, random: Random) -> bytes:
    """Replace, remove or add a value, whatever its place in the document."""
    try:
        whole = json.loads(raw)
    except ValueError:
        return _bytes(raw, random)
    found = sorted(places(whole), key=str)
    if not found or random.random() < 0.03:
        return random.choice([b"[" * 100_000, b"null", b"[]", b"{}", b'{"a":' * 50_000])
    *path, last = random.choice(found)
    parent = whole
    for key in path:
        parent = parent[key]
    if isinstance(parent, dict) and random.random() < 0.2:
        del parent[last]
    else:
        parent[last] = random.choice(_VALUES)
    return json.dumps(whole).encode()


def _json_lines(raw: bytes, random: Random) -> bytes:
    lines = raw.split(b"\n")
    at = random.randrange(len(lines))
    return b"\n".join([*lines[:at], _json(lines[at], random), *lines[at + 1 :]])


def _arrays(raw: bytes, random: Random) -> bytes:
    """Replace an array by one of another type, shape or of impossible values."""
    with np.load(io.BytesIO(raw)) as file:
        arrays = dict(file)
    name = random.choice(sorted(arrays))
    old = arrays[name]
    numbers = old.astype(float) if old.dtype.kind in "biuf" else np.arange(old.size, dtype=float).reshape(old.shape)
    odd: list[Any] = [
        numbers * np.nan, numbers + 1e300, numbers.astype(complex), old.astype(str), old.astype("S3"), numbers != 0,
        old.astype(object), old[:0], old[:1], old[..., None], old.reshape(-1), np.array(3), old.T, old[::-1],
        numbers.astype(np.float16), numbers.astype(np.int64) - 2**62, numbers.astype("datetime64[s]"),
        numbers.astype(">f8"), np.zeros((0, 1 << 40)), np.broadcast_to(old, (3, *old.shape)), numbers - 7,
        np.zeros(3, dtype=[("a", int), ("b", float)]),
    ]  # fmt: skip
    arrays[name if random.random() < 0.9 else "more"] = random.choice(odd)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _columns(raw: bytes, random: Random) -> bytes:
    """Replace a column by one of another type, or name it as another one is."""
    source = pa.BufferReader(raw)
    parquet = raw[:4] == b"PAR1"
    table = pq.read_table(source) if parquet else pa.ipc.open_stream(source).read_all()
    rows, at = table.num_rows, random.randrange(table.num_columns)
    odd = random.choice(
        [
            pa.nulls(rows), pa.array([[["a"]]] * rows), pa.array([{"a": 1}] * rows), pa.array([b"\xff\0"] * rows),
            pa.array([0] * rows, pa.timestamp("ns", "Europe/Berlin")), pa.array(["a"] * rows).dictionary_encode(),
            pa.array([1] * rows).cast(pa.decimal128(38, 3)), pa.array([2**63] * rows, pa.uint64()),
            pa.array([float("nan")] * rows), pa.array([True] * rows), pa.array([10**12] * rows, pa.duration("ms")),
            pa.array([None, *["a\0\n"] * (rows - 1)]), pa.array([-1] * rows), pa.array([[1, None, -5]] * rows),
            pa.array(["x" * 300_000, *["a"] * (rows - 1)], pa.large_string()), pa.array([99] * rows, pa.int8()),
            pa.array([0] * rows, pa.date32()), pa.array([1e300] * rows), pa.array([None] * rows, pa.list_(pa.int64())),
        ]
    )  # fmt: skip
    names = [*table.column_names]
    table = table.set_column(at, random.choice([names[at]] * 5 + names), odd)
    table = table.slice(0, random.choice([rows, rows, rows, 0, 1]))
    sink = io.BytesIO()
    if parquet:
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def _picture(raw: bytes, random: Random) -> bytes:
    """Draw a picture of another mode or size, in any format that has such a one."""
    size = random.choice([(1, 1), (1, 3000), (3000, 1), (7, 9), (200, 100)])
    image = Image.new(random.choice(_MODES), size)
    if random.random() < 0.5:
        image.getexif()[0x0112] = random.choice([0, 3, 6, 8, 9, 70000])
    file = io.BytesIO()
    with suppress(Exception):  # no such mode in this format
        image.save(
            file, format=random.choice(["PNG", "TIFF", "JPEG", "WEBP", "GIF", "BMP", "EPS", "PDF", "ICO", "PPM"])
        )
    return file.getvalue()
