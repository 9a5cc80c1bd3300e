"""A teacher that was interrupted is the one that was not; what is kept of it is found again, or refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from runs.evaluation import teacher as module
from runs.evaluation.teacher import Teacher, judging_steps, make_teacher
from search_space.errors import CheckpointError
from supernet import Supernet
from supernet.training.checkpoint import load_checkpoint, save_checkpoint
from supernet.training.rounds import RoundTraining
from tests.supernet.training.job import job

STEPS = 6


def made(folder: Path) -> Teacher:
    space, data, config = job()
    return make_teacher(
        Supernet(space, generator=torch.Generator().manual_seed(0)),
        replace(data, augmentation=None),
        replace(config, checkpoint_every=2),
        origin="a checkpoint",
        folder=folder,
        steps=STEPS,
        taught_steps=4,
        weight=0.5,
    )


def test_an_interrupted_teacher_goes_on_to_the_same_one(tmp_path, monkeypatch):
    whole, update = made(tmp_path / "whole"), RoundTraining._update

    def dies(training: RoundTraining) -> None:
        if training.step == 5:
            raise KeyboardInterrupt
        update(training)

    monkeypatch.setattr(RoundTraining, "_update", dies)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "killed")
    monkeypatch.setattr(RoundTraining, "_update", update)
    again = made(tmp_path / "killed")
    assert (again.error, again.layers) == (whole.error, whole.layers)
    assert whole.teaching is not None and again.teaching is not None
    assert torch.equal(whole.teaching.outputs.nan_to_num(), again.teaching.outputs.nan_to_num())
    for one, other in zip(whole.supernet.parameters(), again.supernet.parameters(), strict=True):
        assert torch.equal(one, other)


def test_judging_computes_as_many_layers_as_leaving_out_does():
    _, data, config = job()
    depth, examples = 6, min(200, len(data.validation))
    passes = depth + sum(kept * (kept - 1) for kept in range(depth, 1, -1))  # each of the kept ones is left out once
    forward = len(data.validation) + examples * passes / depth
    plain = replace(data, augmentation=None)
    assert judging_steps(plain, config, depth=depth, teaches=False) == pytest.approx(forward / config.batch_size / 3)
    more = judging_steps(plain, config, depth=depth, teaches=True) - forward / config.batch_size / 3
    assert more == pytest.approx(len(data.train) / config.batch_size / 3)


def test_what_is_kept_is_found_again_and_checked(tmp_path, monkeypatch):
    first = made(tmp_path)
    monkeypatch.setattr(module, "best_layers", None)
    assert made(tmp_path).layers == first.layers == {1: first.layers[1], 2: (0, 1)}
    (path,) = tmp_path.glob("*.safetensors")
    stored = load_checkpoint(path)
    for kept in (torch.zeros(()), torch.ones(2, 2), torch.ones(3, 2), torch.eye(3)):
        save_checkpoint(path, replace(stored, tensors={**stored.tensors, "kept": kept.to(torch.uint8)}))
        with pytest.raises(CheckpointError, match="the layers of each depth to 2, got others; remove the file"):
            made(tmp_path)
