"""A data set is read when it is registered, and a user knows its name alone."""

from __future__ import annotations

import numpy as np
import pytest

from runs.app.jobs.registering import register
from runs.service.settings import DatasetSettings
from search_space.errors import NasweaveError


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    parts = {}
    for split, number in (("train", 40), ("validation", 20), ("test", 20)):
        parts[f"x_{split}"] = rng.integers(0, 255, (number, 8, 8), dtype=np.uint8)
        parts[f"y_{split}"] = np.arange(number) % 2
    path = tmp_path / "mine.npz"
    np.savez(path, **parts)
    return path


def test_a_data_set_is_registered_chosen_and_forgotten(asked, ann, pictures):
    outputs = str(asked.service.settings.outputs)
    line = register(
        DatasetSettings(name="mine", task="npz", path=str(pictures), options="patch_size=4", outputs=outputs)
    )
    assert line.startswith("mine: npz, ")
    assert ann.get("/api/v1/datasets").json() == [{"name": "mine", "task": "npz", "owner": None}]
    made = ann.post("/api/v1/runs", json={"dataset": "mine"})
    assert made.status_code == 201 and made.json()["task"] == "npz" and str(pictures) not in made.text
    assert str(pictures) not in ann.get("/new").text
    register(DatasetSettings(name="mine", remove=True, outputs=outputs))
    assert ann.get("/api/v1/datasets").json() == [] and pictures.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"task": "digits"},
        {"path": "/nowhere.npz"},
        {"options": "patch_size"},
        {"options": "patch_size=3"},
        {"options": "colour=1"},
        {"remove": True, "name": "unknown"},
    ],
)
def test_what_no_run_could_read_is_refused_now(asked, pictures, change):
    values = {"name": "mine", "task": "npz", "path": str(pictures), "outputs": str(asked.service.settings.outputs)}
    with pytest.raises(NasweaveError):
        register(DatasetSettings(**{**values, **change}))
    assert asked.service.datasets.list() == []
