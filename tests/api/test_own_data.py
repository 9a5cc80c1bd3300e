"""Examples that a program holds: whatever holds them, they are read as a file of the same content would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

import nasweave as nw
from search_space.errors import DataError
from tests.api.test_whole_run import TINY
from tests.supernet.tasks.samples import labelled_series, table_rows, texts

PIXELS, CLASSES = load_digits(return_X_y=True)
PICTURES = PIXELS.reshape(-1, 1, 8, 8).astype(np.float32)[:240]
NAMES = [f"digit {y}" for y in CLASSES[:240]]


class Pictures(torch.utils.data.Dataset[Any]):
    """As users write them."""

    def __init__(self, *, noise: bool = False) -> None:
        self.noise = noise

    def __len__(self) -> int:
        return len(PICTURES)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(PICTURES[i]) + torch.rand(1) * self.noise, int(CLASSES[i])


def test_a_data_set_is_read_as_arrays_of_the_same_content_are():
    data = nw.task(train=Pictures(), patch_size=4)
    same = nw.task(train=(PICTURES, CLASSES[:240]), patch_size=4)
    names = nw.task(train=(PICTURES, NAMES), patch_size=4)
    listed = nw.task("npz", train=list(zip(PICTURES[:, 0], CLASSES[:240], strict=True)), patch_size=4)
    assert data.data_hash == same.data_hash == listed.data_hash and data.shape.input_shape == (1, 8, 8)
    assert names.labels[3] == "digit 3" and data.labels[3] == "3"
    assert [len(part) for part in (data.train, data.validation, data.test)] == [194, 22, 24]
    whole = torch.cat([data.train.stored, data.validation.stored, data.test.stored]).flatten(1).sum()
    assert float(whole) == pytest.approx(float(PICTURES.sum()))


def test_texts_rows_series_and_numbers_are_told_apart():
    lines = texts(60)
    assert nw.task(train=lines).kind == "classes"
    frame = pd.DataFrame([{**row, "age": float(row["age"])} for row in table_rows(80)])
    table = nw.task(train=frame)
    assert [table.shape.stem, table.shape.categories[0]] == ["columns", 0]
    assert nw.task(train=[dict(row) for row in frame.to_dict("records")]).data_hash == table.data_hash
    numbers = nw.task(train=(PIXELS[:200, 10:14], PIXELS[:200, 20] / 3), metric="mean_absolute_error")
    assert (numbers.kind, numbers.metric.key, numbers.shape.seq_len) == ("numbers", "mean_absolute_error", 4)
    waves = labelled_series(40, uneven=True)
    assert nw.task("labelled_series", train=waves).shape.padded
    assert nw.task("text", train=[{"text": t, "label": y} for t, y in lines]).shape.vocab_size


def test_rows_that_lack_a_label_are_left_out_however_pandas_has_them():
    frame = pd.DataFrame([{**row, "age": float(row["age"])} for row in table_rows(80)])
    whole = nw.task(train=frame.iloc[2:])
    for nothing in (float("nan"), None, pd.NA):
        lacking = frame.assign(label=[nothing, nothing, *frame["label"][2:]])
        data = nw.task(train=lacking)
        assert (data.kind, data.data_hash) == ("classes", whole.data_hash)
        assert any("without a label: 2 rows" in note for note in data.summary.notes)
    one_column = nw.task(train=(frame.drop(columns="label")[2:], frame[["label"]][2:]))
    assert one_column.data_hash == whole.data_hash


def test_lists_of_texts_are_several_labels():
    kinds = [["a"], [], ["b", "a"], ["b"]] * 10
    mails = nw.task(train=([f"text {i}" for i in range(40)], kinds), vocabulary=280)
    pictures = nw.task("npz", train=(np.zeros((40, 4, 4)), kinds), patch_size=2)
    for data in (mails, pictures):
        assert (data.kind, data.labels) == ("labels", ("a", "b"))
        parts = [getattr(data, name).targets for name in ("train", "validation", "test")]
        assert torch.cat(parts).sum(0).tolist() == [20, 20]
    with pytest.raises(DataError, match=r"expected labels without '\|', which parts them, got 'a\|b'"):
        nw.task(train=(["x", "y"], [["a|b"], []]))
    with pytest.raises(DataError, match="expected a list of texts of every example"):
        nw.task("npz", train=(np.zeros((2, 4, 4)), [["a"], "b"]), predict="labels")
    with pytest.raises(DataError, match=r"a list of texts of every example, .* got nothing; give a list, empty"):
        nw.task(train=(["x", "y"], [["a"], None]))


def test_splits_of_ones_own_and_groups_are_kept():
    given = {"validation": (PICTURES[:30], CLASSES[:30]), "test": (PICTURES[30:70], CLASSES[30:70])}
    data = nw.task(train=(PICTURES[70:], CLASSES[70:240]), **given, patch_size=4)
    assert [len(data.train), len(data.validation), len(data.test)] == [170, 30, 40]
    people = np.arange(240) // 4
    grouped = nw.task(train=Pictures(), groups=people, patch_size=4)
    parts = [set(getattr(grouped, name).groups.tolist()) for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 60
    frame = pd.DataFrame(table_rows(80)).assign(day=pd.date_range("2024-01-01", periods=80))
    assert nw.task(train=frame, time="day").in_order
    assert nw.task(train=frame.drop(columns="day"), time=frame["day"]).in_order
    frame = frame.drop(columns="day").assign(house=[f"h{i // 3}" for i in range(80)])
    assert len(nw.task(train=frame, groups="house").shape.categories) == 3
    named = nw.task(train=frame.drop(columns="house"), groups=frame["house"])
    assert named.data_hash == nw.task(train=frame, groups="house").data_hash


def test_a_run_takes_them_into_its_folder_and_knows_them_again(tmp_path):
    small = {**TINY, "search.fidelities.max_rounds": 2, "search.fidelities.initial": 2}
    options: dict[str, Any] = {"outputs": tmp_path / "a", "overrides": small}
    with nw.create_run("own", task=nw.task(train=(PICTURES, NAMES), patch_size=4), **options) as run:
        assert not run.path.exists(), "nothing is written before it is used"
        found = run.search()
    (kept,) = (run.path / "data").iterdir()
    assert kept.suffix == ".npz" and b"objects" not in kept.read_bytes()[:200]
    again = nw.task(train=(PICTURES, NAMES), patch_size=4)
    with nw.create_run("own", task=again, load_if_exists=True, **options) as run:
        assert list(run.search().index) == list(found.index)
    (tmp_path / "a").rename(tmp_path / "b")
    with nw.load_run(tmp_path / "b" / "npz" / "own") as moved:
        assert list(moved.candidates().index) == list(found.index)
        assert moved.space.geometry.task.num_outputs == 10
    other = nw.task(train=(PICTURES + 1, NAMES), patch_size=4)
    options["outputs"] = tmp_path / "b"
    with (
        nw.create_run("own", task=other, load_if_exists=True, **options) as run,
        pytest.raises(nw.NasweaveError, match=r"with which the run .* was begun"),
    ):
        run.search()


def test_data_of_a_task_makes_a_run_and_a_space(tmp_path):
    data = nw.task("digits", patch_size=4, metric="macro_f1")
    run = nw.create_run("d", task=data, outputs=tmp_path, space=nw.space("vit_tiny", task=data, depth=[1]))
    assert run.config.task.options["patch_size"] == 4 and run.config.task.aim.metric == "macro_f1"
    own = nw.task(train=Pictures(), patch_size=4)
    assert (
        nw.create_run("o", task=own, outputs=tmp_path, space=nw.space("vit_tiny", task=own)).config.task.name == "npz"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"train": [([[1, 2], [3]], 0)]}, r"train\[0\]: expected numbers, or a text, got list"),
        ({"train": (PICTURES, [None, *CLASSES[1:240]])}, r"train\[0\]: expected a label, got none"),
        ({"train": pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])}, "different names, got 'a' twice"),
        ({"train": (pd.DataFrame({"label": [1, 2]}), [0, 1])}, "train: expected no column 'label' beside the labels"),
        ({"train": pd.DataFrame({"a": [2**70, 1], "label": [0, 1]})}, "train: expected columns of one type each"),
        ({"train": 5}, "train: expected arrays .*, got int"),
        ({"train": "mine.csv"}, "train: expected arrays .*, got str"),
        ({"train": iter([(1, 2)])}, "train: expected arrays"),
        ({"train": []}, "train: expected examples, got none"),
        ({"train": [1, 2, 3]}, r"train\[0\]: expected \(x, y\), got int"),
        ({"train": (PICTURES, CLASSES[:7])}, "expected as many labels as examples, got 240 and 7"),
        ({"train": Pictures(noise=True)}, r"train\[0\]: expected the same example every time"),
        ({"train": (PICTURES[:, 0], CLASSES[:240])}, r"npz for pictures \(H, W\), or labelled_series"),
        ({"train": [(PICTURES[0], 1), (PICTURES[0, 0], 0)]}, "expected examples of 3 axes"),
        ({"train": [(np.ones((1, 4, 4)), 1), (np.ones((1, 5, 4)), 0)]}, "expected examples of one shape"),
        ({"train": [(object(), 1)]}, "expected numbers, or a text, got object"),
        (
            {"train": [(PICTURES[0], [1, 2])]},
            "expected a class, a number, or a list of texts of each example, got list",
        ),
        ({"train": [{"text": "a", "kind": "b"}]}, "expected a field 'label' of labels, got text, kind"),
        ({"train": [{"text": "a", "label": "b"}, {"text": "a"}]}, r"train\[1\]: expected the fields text, label"),
        ({"train": Pictures(), "groups": [1, 2]}, r"groups: expected one of each of the 240 training examples"),
        ({"train": Pictures(), "name": "text"}, r"task: expected npz, .*got 'text'"),
        ({"train": Pictures(), "pach_size": 3}, "pach_size"),
        ({"test": Pictures()}, "test: expected nothing without train"),
        (
            {"train": (PICTURES, CLASSES[:240]), "test": (PICTURES, CLASSES[:240] + 5)},
            "test: labels: expected those of",
        ),
    ],
)
def test_what_is_no_data_is_refused_in_one_line(arguments, message):
    with pytest.raises(nw.NasweaveError, match=message) as raised:
        nw.task(**arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("task", [5, None, object()])
def test_a_run_needs_a_task(task, tmp_path):
    with pytest.raises(nw.NasweaveError, match=r"task: expected a task's name, or what nasweave\.task returns"):
        nw.create_run(task=task, outputs=tmp_path)
    with pytest.raises(nw.NasweaveError, match="task_options: expected nothing beside the data itself"):
        nw.create_run(task=nw.task(), task_options={"patch_size": 2}, outputs=tmp_path)
