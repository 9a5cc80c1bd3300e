"""Groups are never torn apart and times never mixed, whatever splits are made; what cannot be so is one line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from search_space.errors import ConfigError, DataError
from supernet.readers.ties import UNTIED, ties_of
from supernet.tasks import TASKS, Aim, aimed
from supernet.tasks._setting_aside import groups_aside
from tests.supernet.tasks.samples import table_rows, texts, write_table

SPLITS = ("train", "validation", "test")


def households(n: int = 120) -> list[dict[str, str]]:
    rng = np.random.default_rng(0)
    return [{**row, "household": f"h{rng.integers(n // 4)}", "day": str(i % 37)} for i, row in enumerate(table_rows(n))]


def split_of_each(rows, data) -> dict[str, list[dict[str, str]]]:
    """Find the rows of each split again by their standardised ages and incomes, which are all different."""
    columns = json.loads(data.files["columns.json"])["columns"]
    found = {}
    for name in SPLITS:
        inputs = getattr(data, name).inputs[:, :2].tolist()
        keys = {tuple(round(float(row[c["name"]]) - c["offset"], 3) for c in columns[:2]): row for row in rows}
        found[name] = [keys[tuple(round(v / c["scale"], 3) for v, c in zip(x, columns, strict=False))] for x in inputs]
    return found


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    return [{**row, "age": str(rng.integers(10, 90)), "income": str(i * 7)} for i, row in enumerate(households())]


def load(tmp_path, rows, **options):
    return TASKS["table"].load(options={"path": str(write_table(tmp_path / "a.csv", rows)), **options})


@pytest.mark.parametrize("aim", [Aim(), Aim(folds=3, fold=1), Aim(validation_share=0.3)])
@pytest.mark.parametrize("predict", ["class", "number"])
def test_each_group_is_in_one_split(tmp_path, rows, aim, predict):
    options = {"predict": "number", "label": "target"} if predict == "number" else {}
    given = [{**row, "target": f"{i % 11}"} for i, row in enumerate(rows)] if options else rows
    whole = load(tmp_path, given, groups="household", ignore="day", **options)
    data = aimed(whole, aim)
    found = split_of_each(rows, data)
    groups = {name: {row["household"] for row in found[name]} for name in SPLITS}
    assert not groups["train"] & groups["validation"] | groups["train"] & groups["test"]
    assert not groups["validation"] & groups["test"] and sum(map(len, found.values())) == len(rows)
    assert "household" not in data.files["columns.json"] and "groups kept whole" in whole.summary.facts["examples"]
    assert 6 <= len(found["test"]) <= 20
    assert (data.data_hash == whole.data_hash) == (aim == Aim())


def test_the_latest_rows_are_the_test(tmp_path, rows):
    data = load(tmp_path, rows, time="day", ignore="household")
    days = {name: [int(row["day"]) for row in part] for name, part in split_of_each(rows, data).items()}
    assert max(days["train"]) < min(days["validation"]) and max(days["validation"]) < min(days["test"])
    assert data.in_order and "in the order of time" in data.summary.facts["examples"]
    with pytest.raises(ConfigError, match=r"task\.folds: expected null"):
        aimed(data, Aim(folds=3))
    dated = [{**row, "day": f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}"} for i, row in enumerate(rows)]
    assert len(load(tmp_path, dated, time="day", ignore="household").test) == 12


def test_texts_and_arrays_have_them_too(tmp_path):
    lines = [{"text": t, "label": y, "who": f"p{i % 9}", "at": i} for i, (t, y) in enumerate(texts(90))]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = str(tmp_path / "a.jsonl")
    grouped = TASKS["text"].load(options={"path": path, "groups": "who"})
    parts = [set(getattr(grouped, name).groups.tolist()) for name in SPLITS]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 9
    assert TASKS["text"].load(options={"path": path, "time": "at"}).in_order
    x, y = np.random.default_rng(0).normal(size=(60, 8, 8)).astype(np.float32), np.arange(60) % 2
    for task, options in (("npz", {"patch_size": 4}), ("labelled_series", {})):
        np.savez(tmp_path / "a.npz", x_train=x, y_train=y, groups_train=np.arange(60) // 4)
        data = TASKS[task].load(options={"path": str(tmp_path / "a.npz"), **options})
        parts = [set(getattr(data, name).groups.tolist()) for name in SPLITS]
        assert len(set.union(*parts)) == sum(map(len, parts)) == 15
        np.savez(tmp_path / "a.npz", x_train=x, y_train=y, times_train=np.arange(60.0))
        assert TASKS[task].load(options={"path": str(tmp_path / "a.npz"), **options}).in_order


def test_groups_that_stand_in_files_of_several_splits_are_told(tmp_path, rows):
    other = write_table(tmp_path / "b.csv", rows[:30])
    data = load(tmp_path, rows, groups="household", ignore="day", test_path=str(other))
    assert "but for" in data.summary.facts["examples"]


def test_folds_keep_groups_whole_beside_validation_examples_without_any(tmp_path):
    x, y, people = np.ones((60, 8, 8), np.float32), np.arange(60) % 2, np.arange(50) // 5
    arrays = {"x_train": x[10:], "y_train": y[10:], "x_validation": x[:10], "y_validation": y[:10]}
    np.savez(tmp_path / "a.npz", **arrays, x_test=x, y_test=y, groups_train=people)
    whole = TASKS["npz"].load(options={"path": str(tmp_path / "a.npz"), "patch_size": 4})
    data = aimed(whole, Aim(folds=5))
    assert not {*data.train.groups.tolist()} & {*data.validation.groups.tolist()}
    assert len({*data.train.groups.tolist(), *data.validation.groups.tolist()}) == 10 + 10


@pytest.mark.parametrize("own, made", [("test", "aside for validation"), ("validation", "aside for test")])
def test_a_summary_tells_which_split_the_latest_examples_are(tmp_path, rows, own, made):
    other = write_table(tmp_path / "b.csv", rows[:30])
    data = load(tmp_path, rows, time="day", ignore="household", **{f"{own}_path": str(other)})
    assert data.summary.facts["examples"].rstrip(")").endswith(made)


def test_classes_are_as_even_as_groups_allow():
    rng = np.random.default_rng(0)
    groups, classes = rng.integers(0, 60, 600), (rng.random(600) < 0.2).astype(np.int64)
    rest, taken = groups_aside(classes, groups, share=0.1, where="here", names=["a", "b"])
    assert len(rest) + len(taken) == 600 and abs(len(taken) - 60) < 12
    assert abs(classes[taken].mean() - classes.mean()) < 0.06


@pytest.mark.parametrize(
    "groups, times, error, message",
    [
        (["a", " "], None, DataError, "expected a group of every example, got none of example 2"),
        (["a", "b"], ["1", "2"], ConfigError, "expected groups or times"),
        (None, ["2024-01-01", "1.2.2024"], DataError, r"options\.time: expected .*, got '1\.2\.2024' of example 2"),
        (None, ["1", ""], DataError, "got '' of example 2"),
    ],
)
def test_odd_ties_are_refused(groups, times, error, message):
    with pytest.raises(error, match=message):
        ties_of(groups, times, where="here")
    assert ties_of(None, None, where="here") == UNTIED


def test_too_few_groups_or_times_are_refused(tmp_path, rows):
    with pytest.raises(DataError, match="groups: expected two groups or more of each class"):
        load(tmp_path, [{**row, "household": "one"} for row in rows], groups="household")
    with pytest.raises(DataError, match="of several times, to set the latest aside"):
        load(tmp_path, [{**row, "day": "3"} for row in rows], time="day")
    with pytest.raises(DataError, match=r"of '(no|yes)' too few"):
        load(tmp_path, [{**row, "household": row["label"]} for row in rows], groups="household")
    np.savez(tmp_path / "a.npz", x_train=np.ones((9, 4, 4)), y_train=np.arange(9) % 2, groups_train=np.ones((3, 3)))
    with pytest.raises(DataError, match="groups_train: expected 9 numbers or texts, one an example"):
        TASKS["npz"].load(options={"path": str(tmp_path / "a.npz")})
