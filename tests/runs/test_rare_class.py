"""A class of 2 %: the default finds none of it and has 98 % accuracy; macro F1 and balanced sampling find it."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from runs.evaluation.judged.classes import class_results
from runs.reports import ClassResults
from search_space import space_from_mapping
from supernet import Supernet, catalogue, extract
from supernet.tasks import TASKS, Aim, TaskData, aimed
from supernet.training import Evaluator, TrainingConfig
from supernet.training.rounds import RoundTraining

SPACE = {
    "name": "tiny",
    "embed_dim": [16],
    "depth": [1],
    "head_dim": 8,
    "mixer": ["softmax"],
    "num_heads": [2],
    "channel_mixer": ["mlp"],
    "ratio": [2],
    "precision": ["float"],
}
WORDS = [f"word{i}" for i in range(24)]
STEPS = 60


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    """Six thousand texts, of which one in fifty is a complaint: it has a word that one in 21 of the others has.

    So most texts with that word are no complaints, and by accuracy it is best never to call them so.
    """
    path, rng = tmp_path_factory.mktemp("texts") / "mine.csv", np.random.default_rng(0)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("text", "label"))
        for number in range(6000):
            is_rare = number % 50 == 0
            words = rng.choice(WORDS, size=6).tolist()
            if is_rare or number % 21 == 7:
                words[int(rng.integers(6))] = "refund"
            out.writerow((" ".join(words), "complaint" if is_rare else "other"))
    return TASKS["text"].load(options={"path": str(path), "vocabulary": 300})


def trained(data: TaskData) -> tuple[ClassResults, float]:
    """Return the answers of a small network that was trained on the data, and its validation error by the metric."""
    space = space_from_mapping(SPACE, task=data.shape, catalogue=catalogue())
    network = extract(Supernet(space, generator=torch.Generator().manual_seed(0)), space.largest)
    config = TrainingConfig(steps=STEPS, batch_size=32, learning_rate=4e-3)
    RoundTraining(network, identity="here", data=data, config=config).train_to(STEPS)
    found = class_results(network, replace(data, test=data.validation), key=space.largest.key)
    assert found is not None
    return found, Evaluator(data, split=data.validation)(network).error


def test_balanced_sampling_finds_what_accuracy_does_not_miss(texts) -> None:
    blind, error = trained(texts)
    assert error == pytest.approx(2.0, abs=0.3) and blind.missed == (("complaint", 11),), "98 % and none of them"
    seeing, lacking = trained(aimed(texts, Aim(metric="macro_f1", sampling="balanced")))
    assert seeing.missed == () and seeing.recall[0] >= 0.75
    assert lacking == pytest.approx(100 * (1 - np.mean(seeing.f1))) and lacking < 25
    assert np.mean(blind.f1) < 0.5, "macro F1 would have told"
