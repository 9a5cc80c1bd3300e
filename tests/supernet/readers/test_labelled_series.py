"""Whole series with a label: every format holds the same series, and what is wrong is one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search_space.errors import ConfigError, DataError
from supernet.readers.series.labelled import read_labelled_series, series_of_arrays
from tests.supernet.tasks.samples import labelled_series, write_ts


def write_arff(path: Path, rows) -> Path:
    """Write a relational attribute where there are several channels, else one a step."""
    channels = rows[0][0].shape[1]
    longest = max(len(values) for values, _ in rows)
    names = [f"@attribute att{i} numeric" for i in range(longest)]
    if channels > 1:
        names = ["@attribute relationalAtt relational", *("  " + name for name in names), "@end relationalAtt"]
    lines = ["% waves", "@RELATION waves", "", *names, "@attribute 'the class' {'wave 0','wave 1'}", "@DATA"]
    for values, label in rows:
        text = "\\n".join(",".join(map(repr, channel)) for channel in values.T.tolist())
        cells = f"'{text}'" if channels > 1 else ",".join([text, *["?"] * (longest - len(values))])
        lines.append(f"{cells},'{label}'")
    path.write_text("\n".join(lines))
    return path


def write_rows(path: Path, rows) -> Path:
    """Write a table with a row a series; cells after the end of a series are empty."""
    longest = max(len(values) for values, _ in rows)
    lines = [",".join(["label", *(f"t{i}" for i in range(longest))])]
    for values, label in rows:
        lines.append(",".join([label, *map(repr, values[:, 0].tolist()), *[""] * (longest - len(values))]))
    path.write_text("\n".join(lines))
    return path


def write_steps(path: Path, rows) -> Path:
    """Write a table with a row a step."""
    lines = ["id,when,a,b,label,remark"]
    for i, (values, label) in enumerate(rows):
        lines += [f"s{i},{t},{a},{b},{label},x" for t, (a, b) in enumerate(values.tolist())]
    path.write_text("\n".join(lines))
    return path


def same(found, rows) -> None:
    assert list(found.labels) == [label for _, label in rows]
    for values, (expected, _) in zip(found.values, rows, strict=True):
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("uneven", [False, True])
def test_every_format_holds_the_same_series(tmp_path, uneven):
    one = labelled_series(20, channels=1, uneven=uneven)
    same(read_labelled_series(write_ts(tmp_path / "a.ts", one)), one)
    same(read_labelled_series(write_arff(tmp_path / "a.arff", one)), one)
    same(read_labelled_series(write_rows(tmp_path / "a.csv", one)), one)
    two = labelled_series(20, uneven=uneven)
    same(read_labelled_series(write_ts(tmp_path / "b.ts", two)), two)
    same(read_labelled_series(write_arff(tmp_path / "b.arff", two), label="the class"), two)
    columns = {"series": "id", "time": "when", "channels": ("a", "b")}
    table = read_labelled_series(write_steps(tmp_path / "b.csv", two), **columns)
    same(table, two)
    assert table.channels == ("a", "b") and table.notes == ("columns that are no channels are left out: remark",)
    whole = np.full((20, 24, 2), np.nan)
    for row, (values, _) in zip(whole, two, strict=True):
        row[: len(values)] = values
    same(series_of_arrays(whole, np.array([label for _, label in two]), where="mine"), two)


GOOD = "@problemName x\n@classLabel true 0 1\n@data\n"


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.ts", GOOD + "1,2:3,4:0\n1,2:3:0\n", r"line 5: expected channels of one length, got 2, 1 steps"),
        ("a.ts", GOOD + "1,2:3,4:0\n1,2:1\n", r"line 5: expected 2 channels, as in the first series, got 1"),
        ("a.ts", GOOD + "1,x:0\n", r"line 4, channel 1: expected numbers, or \? for missing ones, got x"),
        ("a.ts", GOOD + "1,2\n", r"line 4: expected channels and a label, parted by colons, got 1,2"),
        ("a.ts", GOOD + "?,NaN:0\n", r"series 1: expected values, got missing ones alone"),
        ("a.ts", GOOD + "1e40:0\n", r"series 1: expected numbers of at most 1e\+30 in size"),
        ("a.ts", GOOD, r"expected series with a label, got none"),
        ("a.ts", "1,2:0\n", r"line 1: expected a line that begins with @ or #"),
        ("a.ts", "@problemName x\n", r"expected a line @data, got none"),
        ("a.ts", "@timeStamps true\n@data\n(0,1):0\n", r"expected series without time stamps"),
        ("a.ts", "@classLabel false\n@data\n1,2\n", r"expected series with labels"),
        ("a.arff", "@relation x\n@attribute a numeric\n@attribute y {0,1}\n@data\n1\n", "expected 2 values, as there"),
        ("a.arff", "@relation x\n@attribute a numeric\n@attribute y {0,1}\n@data\n{0 1}\n", "got a sparse row"),
        ("a.arff", "@relation x\n@attribute a numeric\n@attribute y {0,1}\n@data\nb,0\n", "expected numbers, or"),
        ("a.arff", "@relation x\n@attribute a numeric\n@data\n1\n", "expected attributes and a label, got a"),
        ("a.arff", "@relation x\nnonsense\n", "line 2: expected @relation, @attribute, @end or @data, got nonsense"),
        (
            "a.csv",
            "t0,t1,kind\n1,2,a\n",
            r"expected columns label, got t0, t1, kind; set task.options.label",
        ),
        ("a.csv", "t0,t1,label\n1,2\n", r"line 2: expected 3 cells.*leave the last cells empty"),
        ("a.doc", "x", r"expected a file that ends in \.ts, \.arff, \.csv"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_labelled_series(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_table_with_a_row_a_step_is_checked(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,when,a,label\ns,0,1,x\ns,1,2,y\n")
    with pytest.raises(DataError, match=r"series s: expected one label, got x, y"):
        read_labelled_series(path, series="id", time="when")
    path.write_text("id,when,a,label\ns,1,1,x\ns,0,2,x\n")
    with pytest.raises(DataError, match=r"series s, task\.options\.time: expected rows in their order"):
        read_labelled_series(path, series="id", time="when")
    with pytest.raises(ConfigError, match=r"task\.options\.time: expected nothing, where every row"):
        read_labelled_series(path, time="when")
    with pytest.raises(DataError, match=r"expected columns label, nobody, a"):
        read_labelled_series(path, series="nobody", channels=("a",))


@pytest.mark.parametrize(
    "values, labels, message",
    [
        (np.zeros(3), np.zeros(3), r"expected numbers \(n, steps\) or"),
        (np.zeros((3, 2), bool), np.zeros(3), r"got bool \(3, 2\)"),
        (np.zeros((3, 2)), np.zeros(2), "expected 3 labels"),
        (np.full((3, 2), np.nan), np.zeros(3), "series 1: expected values"),
        (np.full((3, 2), np.inf), np.zeros(3), "series 1: expected numbers of at most"),
    ],
)
def test_arrays_are_checked(values, labels, message):
    with pytest.raises(DataError, match=message):
        series_of_arrays(values, labels, where="mine")
