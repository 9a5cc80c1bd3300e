"""Whatever a file holds and whatever an option is set to, the answer is data, or one line that can be read."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from search_space.errors import NasweaveError
from supernet.readers.labelled import labelled_lines, read_labelled
from supernet.readers.pictures import Pictures, read_picture
from supernet.tasks import TASKS, TaskData
from tests.supernet.tasks.samples import arrays, series, texts

EXAMPLES = os.environ.get("NASWEAVE_TEST_EXAMPLES")  # many, at random, for a search through the night
few = settings(
    max_examples=int(EXAMPLES or 40),
    deadline=None,
    derandomize=EXAMPLES is None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("any")


def answered(read: Callable[[], object]) -> object | None:
    """Return what was read, or nothing where it was refused in one line."""
    try:
        return read()
    except NasweaveError as error:
        line = str(error)
        assert line.isprintable() and len(line) < 2000 and error.expected and error.got and error.remedy
        return None


def options_of(ending: str) -> tuple[str, dict[str, object]]:
    """Return the task that reads files of an ending, and options that fit small ones."""
    if ending == "npz":
        return "npz", {"patch_size": 1}
    if ending == "series.csv":
        return "csv", {"lookback": 4, "horizon": 2, "patch": 2}
    return "text", {"vocabulary": 270, "context": 4}


@cache
def good(ending: str) -> bytes:
    """Return a small file that is read."""
    rows = texts(40)
    if ending == "npz":
        file = io.BytesIO()
        np.savez(file, **arrays(n=30, shape=(4, 4)))
        return file.getvalue()
    if ending == "series.csv":
        lines = [
            "date,a,b",
            *(f"2020-01-{i + 1:02},{x:.3f},{y:.3f}" for i, (x, y) in enumerate(series(31, variates=2))),
        ]
        return "\n".join(lines).encode()
    if ending == "jsonl":
        return "".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in rows).encode()
    if ending == "txt":
        return "".join(t for t, _ in rows).encode()
    if ending in COLUMNAR:
        table, sink = pa.table({"text": [t for t, _ in rows], "label": [y for _, y in rows]}), io.BytesIO()
        if ending == "parquet":
            pq.write_table(table, sink)
        else:
            with (pa.ipc.new_file if ending == "feather" else pa.ipc.new_stream)(sink, table.schema) as writer:
                writer.write_table(table)
        return sink.getvalue()
    separator = "\t" if ending == "tsv" else ","
    return "".join(f"{a}{separator}{b}\n" for a, b in [("text", "label"), *rows]).encode()


COLUMNAR = ("parquet", "feather", "arrow")
ENDINGS = ("npz", "series.csv", "jsonl", "txt", "tsv", "csv", *COLUMNAR)
FORMATS = ("png", "jpeg", "gif", "bmp", "tiff", "webp")


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """Give a file with some bytes changed, put in, or taken out."""
    out = bytearray(raw)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(out)))
        put_in = draw(st.sampled_from([b"", b'"', b"\0", b",", b"\n", b"\xff", b"1e999"]) | st.binary(max_size=9))
        out[at : at + draw(st.sampled_from([0, 1, 4, 100]))] = put_in
    return bytes(out)


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_file_is_data_or_one_line(ending, folder):
    task, options = options_of(ending)
    path = folder / f"a.{ending}"

    def load(content: bytes) -> object | None:
        path.write_bytes(content)
        return answered(lambda: TASKS[task].load(options={"path": str(path), **options}))

    assert isinstance(load(good(ending)), TaskData)

    @few
    @given(st.binary(max_size=200) | damaged(good(ending)))
    def check(content: bytes) -> None:
        data = load(content)
        if isinstance(data, TaskData):
            assert all(
                split.inputs.isfinite().all() and len(split) for split in (data.train, data.validation, data.test)
            )
            assert str(data.summary)

    check()


@cache
def picture(kind: str) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, format=kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_any_picture_is_pixels_or_one_line(kind, folder):
    path = folder / f"a.{kind}"

    @few
    @given(st.binary(max_size=100).map(lambda tail: picture(kind)[:12] + tail) | damaged(picture(kind)))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        pixels = answered(lambda: read_picture(path, size=4, grey=False, found=Pictures())[0])
        assert pixels is None or (pixels.shape == (3, 4, 4) and np.isfinite(pixels).all())

    check()


words = st.text(st.characters(codec="utf-8"), max_size=20)


@few
@given(rows=st.lists(st.tuples(words, st.sampled_from(["x", "y", " z ", "", "\u00e9"])), min_size=2, max_size=12))
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_every_row_is_read_or_counted(ending, rows, folder):
    path = folder / f"rows.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in rows))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t" if ending == "tsv" else ",", quoting=csv.QUOTE_ALL)
            writer.writerows([("text", "label"), *rows])
    kept = [(t, y) for t, y in rows if t.strip() and y.strip()]
    found = answered(lambda: read_labelled(path, text="text", label="label"))
    if not kept:
        assert found is None
        return
    assert list(zip(found.texts, found.labels, strict=True)) == kept
    counted = sum(int(note.rpartition(": ")[2].split()[0]) for note in found.notes if "left out" in note)
    assert counted == len(rows) - len(kept)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "label", "x"]), inner),
    max_leaves=8,
)


@few
@given(st.lists(nested | st.fixed_dictionaries({"text": nested, "label": nested}), min_size=1, max_size=4))
def test_any_json_is_texts_or_one_line(rows):
    answered(lambda: labelled_lines("\n".join(map(json.dumps, rows)), where="mine"))


scalars = (
    st.integers()
    | st.floats()
    | st.booleans()
    | st.text(max_size=30)
    | st.sampled_from([10**10, -(10**30), 2**63, 10**4400])
)


@pytest.mark.parametrize("task", list(TASKS))
def test_any_value_of_any_option_is_taken_or_one_line(task):
    @few
    @given(st.dictionaries(st.sampled_from([*TASKS[task].options, "colour"]), scalars, max_size=3))
    def check(options: dict[str, object]) -> None:
        chosen = answered(lambda: TASKS[task].complete(options))
        assert chosen is None or set(chosen) == set(TASKS[task].options)

    check()
