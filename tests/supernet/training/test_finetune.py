"""Finetuning one network: better or the same, resumed exactly, never mixed up with another's checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search_space import Architecture
from search_space.errors import CheckpointError
from supernet import Supernet, extract
from supernet.tasks import TaskData
from supernet.training import TrainingConfig, evaluate, finetune, train
from tests.supernet.training.job import job


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Supernet, TaskData, TrainingConfig]:
    space, data, config = job(steps=12)
    return train(space, data, config, folder=tmp_path_factory.mktemp("supernet")), data, config


def int8(supernet: Supernet) -> Architecture:
    largest = supernet.space.largest
    layers = tuple(replace(x, mixer_precision="w8a8", channel_precision="w8a8") for x in largest.layers)
    return replace(largest, layers=layers)


def test_the_better_network_is_kept(trained, tmp_path: Path):
    supernet, data, config = trained
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    settings = replace(config, steps=40, learning_rate=3e-3)
    done = finetune(supernet, int8(supernet), data, settings, supernet_fingerprint="a", folder=tmp_path)
    assert done.improved and done.trained.loss < done.inherited.loss
    assert evaluate(done.network, data=data, split=data.validation) == pytest.approx(done.trained.error)
    assert all(torch.equal(value, before[name]) for name, value in supernet.state_dict().items())
    ruinous = replace(config, steps=3, learning_rate=10.0, warmup_steps=0, gradient_clip=1e3)
    kept = finetune(supernet, int8(supernet), data, ruinous, supernet_fingerprint="a", folder=tmp_path / "ruin")
    assert not kept.improved
    inherited = extract(supernet, int8(supernet)).state_dict()
    assert all(torch.equal(value, inherited[name]) for name, value in kept.network.state_dict().items())


def test_without_distillation_the_teacher_rests(trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    supernet, data, config = trained
    monkeypatch.setattr(supernet, "forward", None)
    settings = replace(config, steps=40, learning_rate=3e-3, distillation_weight=0.0)
    done = finetune(supernet, int8(supernet), data, settings, supernet_fingerprint="a", folder=tmp_path)
    assert done.improved
    assert json.loads((tmp_path / "training.jsonl").read_text().splitlines()[0]).keys().isdisjoint({"distillation"})


def test_interrupted_is_bit_identical(trained, tmp_path: Path):
    supernet, data, config = trained
    settings = replace(config, steps=8, checkpoint_every=2)

    def stop(done: int, total: int, text: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    whole = finetune(supernet, int8(supernet), data, settings, supernet_fingerprint="a", folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        finetune(
            supernet, int8(supernet), data, settings, supernet_fingerprint="a", folder=tmp_path / "cut", progress=stop
        )
    again = finetune(supernet, int8(supernet), data, settings, supernet_fingerprint="a", folder=tmp_path / "cut")
    curves = [(tmp_path / name / "training.jsonl").read_bytes() for name in ("whole", "cut")]
    assert curves[0] == curves[1] and whole.trained == again.trained


def test_another_network_or_supernet_is_refused(trained, tmp_path: Path):
    supernet, data, config = trained
    settings = replace(config, steps=2)
    finetune(supernet, int8(supernet), data, settings, supernet_fingerprint="a", folder=tmp_path)
    for architecture, fingerprint in ((supernet.space.largest.in_float(), "a"), (int8(supernet), "b")):
        with pytest.raises(CheckpointError, match="fingerprint"):
            finetune(supernet, architecture, data, settings, supernet_fingerprint=fingerprint, folder=tmp_path)
