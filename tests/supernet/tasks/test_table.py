"""Tables: what columns are is learned from training alone, an export encodes rows alike, and odd cells are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes

from search_space.errors import ConfigError, DataError
from supernet.tasks import TASKS
from supernet.tasks._tables.encoding import Columns
from tests.supernet.tasks.samples import table_rows, write_table


def load(path: Path, **options):
    return TASKS["table"].load(options={"path": str(path), **options})


def with_splits(tmp_path, rows, **options):
    """Load the first 60 rows as training, the next 20 as validation, the rest as the test."""
    parts = {"train": rows[:60], "validation": rows[60:80], "test": rows[80:]}
    train, validation, test = (write_table(tmp_path / f"{name}.csv", part) for name, part in parts.items())
    return load(train, validation_path=str(validation), test_path=str(test), **options)


def test_inputs_are_numbers_standardised_by_training_and_places_of_categories(tmp_path):
    rows = table_rows(100)
    data = with_splits(tmp_path, rows)
    columns = json.loads(data.files["columns.json"])["columns"]
    assert [(c["name"], c["kind"]) for c in columns] == [("age", "number"), ("income", "number"), ("city", "category")]
    assert data.shape.categories == (0, 0, 5) and data.shape.seq_len == 3 and data.labels == ("no", "yes")
    ages = np.array([float(row["age"]) for row in rows])
    inputs, _ = data.test.batch(slice(None))
    np.testing.assert_allclose(inputs[:, 0], (ages[80:] - ages[:60].mean()) / ages[:60].std(), rtol=1e-4, atol=1e-5)
    cities = sorted({row["city"] for row in rows[:60]})
    assert inputs[:, 2].tolist() == [1.0 + cities.index(row["city"]) for row in rows[80:]]


def test_an_exported_folder_encodes_a_row_with_python_alone(tmp_path):
    rows = table_rows(100, gaps=True)
    data = with_splits(tmp_path, rows)
    for name in ("encoder.py", "columns.json"):
        (tmp_path / name).write_text(data.files[name])
    code = (
        f"import sys, json; sys.path.append({str(tmp_path)!r}); from encoder import Columns; "
        f"columns = Columns.from_json(open({str(tmp_path / 'columns.json')!r}).read()); "
        "print(json.dumps([columns.encode(row) for row in json.load(sys.stdin)]))"
    )
    given = json.dumps(rows[80:])
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], input=given, capture_output=True, text=True)
    inputs, _ = data.test.batch(slice(None))
    torch.testing.assert_close(torch.tensor(json.loads(done.stdout)), inputs, rtol=1e-4, atol=1e-5)
    columns = Columns.from_json(data.files["columns.json"])
    assert columns.encode({"age": 30, "income": None, "city": "Atlantis"})[1:] == [0.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="many"):
        columns.encode({"age": "many", "income": 1, "city": ""})


def test_missing_values_are_inputs_of_their_own_where_training_has_some(tmp_path):
    rows = table_rows(100, gaps=True)
    data = with_splits(tmp_path, rows)
    columns = json.loads(data.files["columns.json"])["columns"]
    assert [c["kind"] for c in columns] == ["number", "number", "missing", "category"]
    inputs, missing = data.train.inputs, torch.tensor([float(not row["income"]) for row in rows[:60]])
    assert torch.equal(inputs[:, 2], missing) and not inputs[missing == 1, 1].any()
    assert any(note.startswith("income: missing in ") for note in data.summary.notes)
    later = with_splits(tmp_path, [*table_rows(80), *table_rows(100, gaps=True)[80:]])
    assert any("test row" in note and note.endswith("taken for the mean") for note in later.summary.notes)


def test_odd_columns_are_left_out_and_told(tmp_path):
    rows = [
        {
            **row,
            "id": str(1000 + i),
            "name": f"person {i}",
            "one": "x",
            "none": "",
            "mixed": str(i % 4) if i % 9 else "?!",
        }
        for i, row in enumerate(table_rows(100))
    ]
    notes = with_splits(tmp_path, rows).summary.notes
    assert "id counts the rows: name it in task.options.ignore where it says no more" in notes
    assert "columns of texts or times that differ from row to row are left out: name" in notes
    assert "columns that are constant in training are left out: one" in notes
    assert "empty columns are left out: none" in notes
    assert "mixed: categories, for not all cells are numbers, such as '?!'" in notes
    data = with_splits(tmp_path, rows, ignore="id,mixed", categories="age")
    kinds = {c["name"]: c["kind"] for c in json.loads(data.files["columns.json"])["columns"]}
    assert kinds == {"income": "number", "age": "category", "city": "category"}
    new = [*rows[:80], *({**row, "city": "Atlantis"} for row in rows[80:])]
    assert "city: of no known category in 20 test rows" in with_splits(tmp_path, new).summary.notes
    many = [{**row, "code": f"c{i % 270}"} for i, row in enumerate(table_rows(1600))]
    data = load(write_table(tmp_path / "many.csv", many))
    assert data.shape.categories[-1] == 256
    assert any("categories the 255 most frequent have a code" in note for note in data.summary.notes)


def test_training_leaves_cells_out_and_nothing_else_does(tmp_path):
    data = with_splits(tmp_path, table_rows(100), column_dropout=0.5)
    inputs, _ = data.train.batch(slice(None))
    seen = data.augment(inputs, torch.Generator().manual_seed(0))
    kept = seen == inputs
    assert 0.3 < float(kept.float().mean()) < 0.7 and not seen[~kept].any()
    plain = with_splits(tmp_path, table_rows(100), column_dropout=0)
    assert plain.augment(inputs, torch.Generator()) is inputs and plain.data_hash != data.data_hash


def test_decimal_commas_are_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("a;label\n" + "".join(f"{i},5;{'xy'[i % 2]}\n" for i in range(40)))
    data = load(tmp_path / "a.csv")
    assert Columns.from_json(data.files["columns.json"]).encode({"a": "7,5"}) == pytest.approx(
        Columns.from_json(data.files["columns.json"]).encode({"a": 7.5})
    )


@pytest.mark.parametrize(
    "content, options, message",
    [
        ("a,b\n1,2\n", {}, r"the header: expected columns label, got a, b; correct task\.options\.label"),
        ("a,a,label\n1,2,x\n", {}, "expected columns of different names"),
        ("a,label\n1,2,x\n", {}, "line 2: expected 2 cells, as in the header, got 3"),
        ("a,label\n1,\n", {}, "expected rows with a label, got none"),
        (
            "a,label\n" + "1,x\n1,y\n" * 9,
            {},
            "expected a column of numbers or categories beside .*, got columns",
        ),
        ("a,label\n" + "1,x\n2e40,y\n" * 9, {}, r"column a: expected numbers of at most 1e\+30"),
        ("a,label\n" + "".join(f"{i},{i / 7}\n" for i in range(30)), {}, "two classes or more.*predict=number"),
        ("a,label\n" + "1,x\n2,y\n" * 20, {"predict": "number"}, "expected a number in every label"),
        ("a,label\n" + "1,x\n2,y\n" * 20, {"ignore": "c"}, r"expected columns label, c, got a, label"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, content, options, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path / "a.csv", **options)
    assert "\n" not in str(caught.value)


def test_a_cell_that_is_no_number_where_training_has_numbers_is_refused(tmp_path):
    rows = table_rows(100)
    with pytest.raises(DataError, match=r"test: line 12, column age: expected a number, as in .*, got 'old'"):
        with_splits(tmp_path, [*rows[:90], {**rows[90], "age": "old"}, *rows[91:]])
    with pytest.raises(DataError, match=r"validation: the header: expected columns city, got age, income, label"):
        without = [{k: v for k, v in row.items() if k != "city"} for row in rows]
        write_table(tmp_path / "a.csv", rows)
        load(tmp_path / "a.csv", validation_path=str(write_table(tmp_path / "b.csv", without)))
    with pytest.raises(ConfigError, match=r"task\.options\.label: expected a column that is not in"):
        load(tmp_path / "a.csv", ignore="label")
    with pytest.raises(DataError, match=r"expected a table \(\.csv.*got \.doc"):
        (tmp_path / "a.doc").write_text("x")
        load(tmp_path / "a.doc")


def test_a_real_table_of_numbers(tmp_path):
    frame = load_diabetes(as_frame=True).frame
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    frame.to_csv(tmp_path / "a.csv", index=False)
    options = {"label": "target", "predict": "number"}
    data, same = load(tmp_path / "a.parquet", **options), load(tmp_path / "a.csv", **options)
    assert data.data_hash == same.data_hash and data.shape.input_shape == (10,)
    assert data.summary.facts["examples"].startswith("358 for training, 40 for validation, 44 for the test")
