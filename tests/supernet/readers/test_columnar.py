"""Parquet and Arrow: the same rows, refusals and notes as the .csv of the same table."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from search_space.errors import DataError
from supernet.readers.labelled import read_labelled
from supernet.readers.series.steps import read_series
from supernet.readers.tables import read_table
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import series, texts, write_series, write_texts

KINDS = ("parquet", "feather", "arrow")


def write(path: Path, table: pa.Table) -> Path:
    """Write a table; an ``.arrow`` as a stream."""
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        make = pa.ipc.new_stream if path.suffix == ".arrow" else pa.ipc.new_file
        with make(path, table.schema) as writer:
            writer.write_table(table)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_is_that_of_the_csv(tmp_path, kind):
    values = series(200)
    options = {"lookback": 12, "horizon": 6, "patch": 4}
    names = ["date", "v0", "v1", "v2"]
    columns = [pa.array([f"2020-01-01 {i}" for i in range(200)]), *map(pa.array, values.T)]
    plain = TASKS["csv"].load(options={"path": str(write_series(tmp_path / "a.csv", values)), **options})
    path = write(tmp_path / f"a.{kind}", pa.table(columns, names=names))
    data = TASKS["csv"].load(options={"path": str(path), **options})
    assert data.data_hash == plain.data_hash and data.summary.notes == plain.summary.notes == ()
    rows = texts(60)
    plain = TASKS["text"].load(options={"path": str(write_texts(tmp_path / "t.csv", rows)), "vocabulary": 280})
    table = pa.table({"text": [t for t, _ in rows], "label": pa.array([y for _, y in rows]).dictionary_encode()})
    path = write(tmp_path / f"t.{kind}", table)
    assert TASKS["text"].load(options={"path": str(path), "vocabulary": 280}).data_hash == plain.data_hash


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_that_a_cell_can_hold_is_read(tmp_path, kind):
    day = datetime.datetime(2020, 2, 1, 12)
    table = pa.table(
        {
            "float": pa.array([0.1, None, float("nan")], pa.float32()),
            "whole": pa.array([1, 2**62, None]),
            "exact": pa.array([decimal.Decimal("1.50")] * 3),
            "yes": [True, False, None],
            "time": pa.array([day] * 3, pa.timestamp("ns")),
            "day": pa.array([day.date()] * 3),
            "none": pa.nulls(3),
            "list": [[1], [2], [3]],
            "bytes": [b"\xff", b"", b"a"],
        }
    )
    found = read_table(write(tmp_path / f"a.{kind}", table))
    assert found.header == ("float", "whole", "exact", "yes", "time", "day", "none")
    assert found.rows[0] == ("0.1", "1", "1.50", "true", "2020-02-01 12:00:00.000000000", "2020-02-01", "")
    assert found.rows[1][:4] == ("", str(2**62), "1.50", "false") and found.rows[2][:2] == ("", "")
    assert len(found.notes) == 1 and "list (list<" in found.notes[0] and "bytes (binary)" in found.notes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_told_as_of_a_csv(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    numbers = pa.table([pa.array(np.arange(3.0)), pa.array(["1", "x", "3"])], names=["a", "b"])
    with pytest.raises(DataError, match=r"row 2, column b: expected a number, got 'x'"):
        read_series(write(path, numbers))
    with pytest.raises(DataError, match=r"expected columns of different names, got 2 that are called 'a'"):
        read_series(write(path, numbers.rename_columns(["a", "a"])))
    with pytest.raises(DataError, match=r"expected columns text, label, got a, b; rename"):
        read_labelled(write(path, numbers), text="text", label="label")
    lists = pa.table({"text": ["a", "b"], "label": [["x"], ["y"]]})
    with pytest.raises(DataError, match=r"column label: expected numbers, texts or times, got list<.*one value a row"):
        read_labelled(write(path, lists), text="text", label="label")
    with pytest.raises(DataError, match="expected rows with a text and a label, got none"):
        read_labelled(write(path, pa.table({"text": ["", None], "label": ["x", "y"]})), text="text", label="label")
    gaps = pa.table({"text": ["a", None, "c"], "label": ["x", "y", None]})
    found = read_labelled(write(path, gaps), text="text", label="label")
    assert list(found.texts) == ["a"] and [note.rpartition(": ")[2] for note in found.notes] == ["1 row", "1 row"]
    constant = pa.table({"a": np.r_[np.zeros(80), np.ones(20)], "b": np.sin(np.arange(100.0))})
    data = TASKS["csv"].load(options={"path": str(write(path, constant)), "lookback": 4, "horizon": 2, "patch": 2})
    assert "constant in training are left out: a" in data.summary.notes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, kind):
    whole = write(tmp_path / f"a.{kind}", pa.table({"a": np.arange(100.0), "b": ["x"] * 100})).read_bytes()
    for content in (b"", b"no table", whole[:-40], whole[: len(whole) // 2], whole[3:]):
        (tmp_path / f"a.{kind}").write_bytes(content)
        with pytest.raises(DataError, match=r"whole (Parquet|Arrow or Feather) file") as caught:
            read_table(tmp_path / f"a.{kind}")
        assert "\n" not in str(caught.value)


def test_a_small_file_of_more_rows_than_memory_holds_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", pa.table({"a": np.zeros(1_000_000)}))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr("supernet.readers.memory.available_memory", lambda: 50_000_000)
    with pytest.raises(DataError, match="a table of 1,000,000 rows and 1 columns, which takes 114 MiB"):
        read_table(path)
