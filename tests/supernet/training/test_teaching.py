"""A teacher's outputs come to the same whether they are kept or computed; the layers that matter least go first."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from search_space.errors import CheckpointError
from supernet import Network
from supernet.elastic import reset_parameters
from supernet.training.rounds import RoundTraining, Teaching, best_layers, kept_outputs
from supernet.training.sampling import initial_generator, training_rows
from tests.supernet.training.job import job as digits_job


def job():
    """Return space, data without random variation, and configuration."""
    space, data, config = digits_job(steps=1)
    return space, replace(data, augmentation=None), config


def network(*, seed: int, depth: int | None = None) -> Network:
    space = job()[0]
    largest = space.largest.in_float()
    architecture = largest if depth is None else replace(largest, layers=largest.layers[:1] * depth)
    made = Network(architecture, space.geometry)
    reset_parameters(made, initial_generator(seed=seed))
    return made.eval()


def trained(teaching: Teaching | None, *, steps: int = 6) -> list[Tensor]:
    _, data, config = job()
    training = RoundTraining(network(seed=0), identity="", data=data, config=config, teaching=teaching)
    return [p.detach() for p in training.train_to(steps).parameters()]


def test_kept_outputs_teach_what_the_teacher_itself_does():
    _, data, config = job()
    teacher = network(seed=1)
    kept = kept_outputs(teacher, data, config, steps=4)
    assert kept is not None
    seen = torch.cat([training_rows(data, config, step=step) for step in range(4)]).unique()
    assert set((~kept[:, 0].isnan()).nonzero().flatten().tolist()) == set(seen.tolist())
    with torch.no_grad():
        torch.testing.assert_close(kept[seen], teacher(data.train.batch(seen)[0]), rtol=0, atol=1e-5)
    # Six steps: the last two come by examples that were not kept.
    for a, b in zip(
        trained(Teaching(network=teacher, weight=0.9, outputs=kept)),
        trained(Teaching(network=teacher, weight=0.9)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4)


def test_the_weight_decides_between_labels_and_teacher():
    teacher = network(seed=1)
    labels, none, all_ = (
        torch.cat([p.flatten() for p in trained(teaching)])
        for teaching in (None, Teaching(network=teacher, weight=0.0), Teaching(network=teacher, weight=1.0))
    )
    torch.testing.assert_close(none, labels, rtol=0, atol=1e-6)
    assert not torch.allclose(all_, labels, atol=1e-3)


def test_varied_examples_keep_nothing():
    _, data, config = job()
    varied = replace(data, augmentation=lambda inputs, generator: inputs)
    assert kept_outputs(network(seed=1), varied, config, steps=4) is None


def test_a_layer_that_does_nothing_is_left_out_first():
    _, data, _ = job()
    deep = network(seed=3, depth=4)
    with torch.no_grad():
        for blocks in (deep.body.mixer_blocks, deep.body.channel_blocks):
            for parameter in blocks["1"].parameters():
                parameter.zero_()
    kept = best_layers(deep, data, examples=50)
    assert sorted(kept) == [1, 2, 3, 4] and kept[4] == (0, 1, 2, 3) and kept[3] == (0, 2, 3)
    for depth in (1, 2):
        assert set(kept[depth]) < set(kept[depth + 1]) and len(kept[depth]) == depth


def test_a_checkpoint_of_another_teaching_is_refused(tmp_path):
    _, data, config = job()

    def begin(teaching: Teaching | None) -> RoundTraining:
        path = tmp_path / "checkpoint"
        return RoundTraining(network(seed=0), identity="", data=data, config=config, path=path, teaching=teaching)

    begin(Teaching(network=network(seed=1), weight=0.5)).train_to(1)
    with pytest.raises(CheckpointError, match="teacher"):
        begin(None)
