"""What a summary says of classes and pictures, and that it follows the splits."""

from __future__ import annotations

import numpy as np
import torch

from supernet.tasks import TASKS
from supernet.tasks._aim import Aim, aimed
from supernet.tasks._summary import class_facts, class_notes, lengths_text, picture_examples
from tests.supernet.tasks.samples import write_texts


def test_classes_are_counted_and_the_commonest_one_named():
    train, validation = torch.tensor([0] * 30 + [1] * 20 + [2] * 4), torch.tensor([0, 1, 1, 2])
    facts = class_facts(train, ["a", "b", "c\n"], evaluated=validation)
    assert facts["classes"] == r"3, with training examples: a 30, b 20, c\n 4"
    assert facts["the commonest class"].startswith("25.0 % of the validation examples")


def test_few_examples_missing_ones_and_names_that_look_alike_are_told():
    splits = {"train": torch.tensor([0] * 30 + [1] * 3), "validation": torch.tensor([0]), "test": torch.tensor([0, 1])}
    notes = class_notes(splits, ["Spam", " spam"])
    assert notes == (
        "labels that differ in spaces or capitals alone are classes of their own: 'Spam' and ' spam'",
        "1 of 2 classes have less than 10 training examples:  spam 3",
        "1 of 2 classes have no validation example:  spam",
    )
    assert class_notes({name: torch.arange(20) % 2 for name in splits}, ["a", "b"]) == ()


def test_lengths_are_told_in_the_middle_and_near_the_end():
    assert lengths_text([*range(1, 100), 5000]) == "1 to 5,000 pieces, 51 in the middle, 99 % up to 5,000"
    assert lengths_text([7]) == "7 to 7 pieces, 7 in the middle, 99 % up to 7"


def test_examples_of_pictures_are_small_and_in_colour():
    floats = np.linspace(-3, 5, 2 * 500 * 300, dtype=np.float32).reshape(2, 1, 500, 300)
    shown = picture_examples(floats, lambda row: "ba"[row])
    assert [e.target for e in shown] == ["b", "a"]
    for example in shown:
        assert example.picture.dtype == np.uint8 and example.picture.shape[2] == 3 and max(example.picture.shape) <= 96
        assert example.picture.min() == 0 and example.picture.max() == 255


def test_a_summary_follows_splits_that_are_made_anew():
    data = TASKS["digits"].load()
    dealt = aimed(data, Aim(folds=4))
    assert dealt.summary.facts["examples"].startswith(
        f"{len(dealt.train):,} for training, {len(dealt.validation):,} for validation, 359 for the test (task.folds=4)"
    )
    assert dealt.summary.facts["classes"] != data.summary.facts["classes"]


def test_rows_that_are_left_out_are_told_once(tmp_path):
    path = write_texts(tmp_path / "a.csv")
    path.write_text(path.read_text() + "without a label,\n")
    data = TASKS["text"].load(options={"path": str(path), "vocabulary": 280})
    assert [note for note in data.summary.notes if "left out" in note] == ["a.csv: left out, without a label: 1 row"]
