"""Folders of Hugging Face data sets: read as the same table would be, and refused in one line where damaged."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from search_space.errors import DataError
from supernet.readers.labelled import read_labelled
from supernet.readers.tables import read_table
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import texts, write_dataset, write_texts

_ONE_CLASS = {"names": ["a"], "_type": "ClassLabel"}


def _files(name: str) -> dict[str, list[dict[str, str]]]:
    return {"_data_files": [{"filename": name}]}


@pytest.fixture
def folder(tmp_path):
    return write_dataset(tmp_path / "set", {"train": texts(60), "test": texts(30, seed=1), "extra": texts(5, seed=2)})


def test_the_splits_of_a_data_set_are_those_of_the_task(folder, tmp_path):
    data = TASKS["text"].load(options={"path": str(folder), "vocabulary": 280})
    train, test = write_texts(tmp_path / "a.csv", texts(60)), write_texts(tmp_path / "b.csv", texts(30, seed=1))
    plain = TASKS["text"].load(options={"path": str(train), "test_path": str(test), "vocabulary": 280})
    assert data.data_hash == plain.data_hash and data.labels == plain.labels
    assert "splits that are left out: extra" in data.summary.notes
    one = read_table(folder / "train")
    assert one.header == ("text", "label") and one.rows[41] == texts(60)[41]
    own = TASKS["text"].load(options={"path": str(folder), "test_path": str(folder / "extra"), "vocabulary": 280})
    assert len(own.test) == 5 and "splits that are left out: test" in own.summary.notes


def test_a_test_split_that_keeps_its_labels_to_itself_is_left_out(folder):
    secret = pa.table({"text": ["one", "two"], "label": pa.array([-1, -1], pa.int64())})
    for file in (folder / "test").glob("*.arrow"):
        with pa.ipc.new_stream(file, secret.schema) as writer:
            writer.write_table(secret)
    data = TASKS["text"].load(options={"path": str(folder), "vocabulary": 280})
    assert "the split test is left out, for it has no labels" in data.summary.notes
    assert len(data.train) + len(data.validation) + len(data.test) == 60
    with pytest.raises(DataError, match="expected rows with a text and a label, got none"):
        TASKS["text"].load(options={"path": str(folder), "test_path": str(folder / "test"), "vocabulary": 280})


def test_lists_of_classes_are_labels_and_minus_one_is_none(tmp_path):
    (tmp_path / "set").mkdir()
    table = pa.table({"text": ["a", "b", "c"], "label": [[0, 1], [], None], "kind": [0, -1, 1]})
    with pa.ipc.new_stream(tmp_path / "set" / "data.arrow", table.schema) as writer:
        writer.write_table(table)
    classes = {"names": ["x", "y"], "_type": "ClassLabel"}
    features = {"label": {"feature": classes, "_type": "Sequence"}, "kind": classes, "text": {"_type": "Value"}}
    (tmp_path / "set" / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    (tmp_path / "set" / "dataset_info.json").write_text(json.dumps({"features": features}))
    assert read_labelled(tmp_path / "set", text="text", label="label", separator="|").labels == [("x", "y"), (), ()]
    found = read_labelled(tmp_path / "set", text="text", label="kind")
    assert found.labels == ["x", "y"] and found.notes[-1].endswith("without a label: 1 row")
    assert read_table(tmp_path / "set").unreadable == {"label": "list<item: string>"}


@pytest.mark.parametrize(
    "file, content, message",
    [
        ("train/state.json", _files("../../outside.arrow"), "expected a data set .*name of a file inside the folder"),
        ("train/state.json", {"_data_files": []}, r"got files \[\]"),
        ("train/state.json", _files("none.arrow"), "none.arrow: expected a readable file"),
        ("train/state.json", {**_files("a"), "_indices_data_files": [1]}, "flatten_indices"),
        ("train/state.json", "[1", "no JSON"),
        ("train/dataset_info.json", {"features": {"label": _ONE_CLASS}}, "expected numbers of 1 classes, got 1"),
        ("dataset_dict.json", {"splits": ["../train"]}, r"got splits \['../train'\]"),
        ("dataset_dict.json", {"splits": ["train", "gone"]}, "a split 'gone' without a state.json"),
        ("dataset_dict.json", {"splits": ["test"]}, "expected a split train"),
    ],
)
def test_what_is_damaged_is_refused(folder, file, content, message):
    (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError, match=message):
        TASKS["text"].load(options={"path": str(folder), "vocabulary": 280})


def test_several_splits_are_no_table(folder):
    with pytest.raises(DataError, match="expected a data set of one split, got several: train, test, extra"):
        TASKS["csv"].load(options={"path": str(folder)})
