"""A run's folder and a command that contradicts it: one line says what differs, and the name that it gives works."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from runs.app.compose import compose
from runs.pipeline.context import Context, open_context
from runs.pipeline.stages.feasibility import check
from search_space.errors import NasweaveError
from tests.runs.tiny import TINY

SIZE, CLASSES = 8, 3


def write(path: str, *, size: int = SIZE, classes: int = CLASSES, labels: int = 0, pixels: int = 0) -> None:
    """Write an ``.npz``, some of whose labels and pixels are others."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, 60)
    x = rng.integers(0, 255, (60, size, size), dtype=np.uint8)
    y[:classes] = range(classes)
    y[classes : classes + labels] = (y[classes : classes + labels] + 1) % classes
    x[0, 0, :pixels] ^= 1
    np.savez(path, x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])


def opened(*words: str) -> Context:
    """Open a run as far as it takes to find out whether its folder fits."""
    given = ("task.options.path=one.npz", "task.options.patch_size=2", "training.bf16=false")
    context = open_context(compose(task="npz", overrides=[*TINY, *given, *words]))
    context.folder.mkdir(parents=True, exist_ok=True)
    try:
        check(context)
    finally:
        context.close()
    return context


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("one.npz")
    return opened().folder


CASES = {
    "another file": ({"pixels": 1}, "two.npz", (), "task.options.path: expected one.npz, with which the run"),
    "another option": (
        {},
        "one.npz",
        ("task.options.patch_size=4",),
        "task.options.patch_size: expected 2, with",
    ),
    "a new class": ({"classes": 4}, "one.npz", (), "the data: expected 3 classes or outputs, with which"),
    "another size": ({"size": 12}, "one.npz", (), "the data: expected examples of the shape"),
    "a label": ({"labels": 1}, "one.npz", (), "got the same number of examples with other labels, for the file has"),
    "a pixel": ({"pixels": 1}, "one.npz", (), "the data: expected the examples, with which"),
    "the space": ({}, "one.npz", ("space.depth=[1]",), "space.depth: expected [1, 2], with which"),
    "the training": ({}, "one.npz", ("training.steps=41",), "training.steps: expected 40, with which"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_differs_is_named_and_the_remedy_works(case: str, begun: Path):
    changed, path, words, said = CASES[case]
    write(path, **changed)
    words = (f"task.options.path={path}", *words)
    with pytest.raises(NasweaveError) as refused:
        opened(*words)
    assert said in str(refused.value) and "\n" not in str(refused.value)
    remedy = re.search(r"write (name=[\w.-]+) for a run of its own$", str(refused.value))
    assert remedy is not None and remedy[1] == ("name=two" if path == "two.npz" else "name=default-2")
    assert opened(*words, remedy[1]).folder != begun


def test_the_same_command_and_a_damaged_note_are_fine(begun: Path):
    for damage in ("", "{", "[]", '{"schema": 1, "options": 3, "shape": [], "training": null}', '{"schema": 9}'):
        (begun / "begun.json").write_text(damage)
        assert opened().folder == begun
        (begun / "begun.json").write_text(damage)
        with pytest.raises(NasweaveError, match=r"write name=\S+ for a run of its own"):
            opened("training.steps=41")


def test_a_folder_that_is_there_is_not_proposed(begun: Path):
    (begun.parent / "two").mkdir()
    write("two.npz", pixels=1)
    with pytest.raises(NasweaveError, match="write name=two-2 for"):
        opened("task.options.path=two.npz")
