"""Rounds of one network: each ends well, a killed one goes on as it would have, a foreign checkpoint is refused."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search_space.errors import CheckpointError, NasweaveError
from supernet import Network
from supernet.elastic import reset_parameters
from supernet.training import evaluate
from supernet.training.rounds import RoundTraining, inherit_weights, round_rate
from supernet.training.sampling import initial_generator
from tests.supernet.training.job import job


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def interruptible():
    """Take Ctrl-C as a program in the foreground does, for one that was begun in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def begin(path: Path | None = None, *, architecture=None, optimizer="muon", **changes) -> RoundTraining:
    space, data, config = job(steps=1)
    network = Network(architecture or space.largest, space.geometry)
    reset_parameters(network, initial_generator(seed=0))
    config = replace(config, **{"checkpoint_every": 4, **changes})
    identity = network.architecture.key
    return RoundTraining(network, identity=identity, data=data, config=config, optimizer=optimizer, path=path)


def weights(training: RoundTraining) -> list[torch.Tensor]:
    return [p.detach().clone() for p in training.network.parameters()]


def test_the_rate_of_a_round_rises_briefly_and_falls_to_almost_nothing():
    rates = [round_rate(step, steps=300) for step in range(300)]
    assert max(rates) == pytest.approx(1.0, abs=0.05) and rates.index(max(rates)) == 20
    assert rates[0] < 0.06 and rates[-1] < 0.005 and all(rate > 0 for rate in rates)
    assert round_rate(0, steps=1) == 1.0


def test_each_round_makes_the_network_better(tmp_path: Path):
    training = begin(tmp_path / "checkpoint")
    split, errors = training.data.validation, []
    for steps in (0, 20, 80):
        errors.append(evaluate(training.train_to(steps), data=training.data, split=split))
    assert errors[0] > errors[1] > errors[2] and not training.network.training
    before = weights(training)
    training.train_to(80)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(training), strict=True))


@pytest.mark.parametrize("stop", [6, 8, 9, 20])
def test_a_killed_round_goes_on_at_its_last_checkpoint_bit_for_bit(tmp_path: Path, stop: int):
    whole = begin()
    whole.train_to(8)
    whole.train_to(24)

    class Killed(RoundTraining):
        def _update(self) -> None:
            if self.step == stop:
                raise KeyboardInterrupt
            super()._update()

    path = tmp_path / "checkpoint"
    other = begin()
    killed = Killed(other.network, identity=other.identity, data=other.data, config=other.config, path=path)
    with pytest.raises(KeyboardInterrupt):
        for steps in (8, 24):
            killed.train_to(steps)
    again = begin(path)
    assert 0 <= stop - again.step < 4
    for steps in (8, 24):
        again.train_to(steps)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(again), strict=True))


def test_a_round_that_is_stopped_is_kept_at_its_step(tmp_path: Path, interruptible):
    class Stopped(RoundTraining):
        def _update(self) -> None:
            super()._update()
            if self.step == 11:
                os.kill(os.getpid(), signal.SIGINT)

    path, other = tmp_path / "checkpoint", begin()
    stopped = Stopped(other.network, identity=other.identity, data=other.data, config=other.config, path=path)
    with pytest.raises(KeyboardInterrupt):
        stopped.train_to(24)
    again, whole = begin(path), begin()
    assert again.step == 11
    again.train_to(24)
    whole.train_to(24)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(again), strict=True))


def test_a_checkpoint_of_other_weights_or_settings_is_refused(tmp_path: Path):
    path = tmp_path / "checkpoint"
    begin(path).train_to(4)
    with pytest.raises(CheckpointError, match="learning_rate"):
        begin(path, learning_rate=1.0)
    with pytest.raises(CheckpointError, match="fingerprint"):
        begin(path, architecture=job(steps=1)[0].smallest)
    assert begin(path, checkpoint_every=9).step == 4


def test_other_threads_are_said_when_a_network_is_trained_on_and_not_when_it_is_read(tmp_path: Path, caplog):
    path = tmp_path / "checkpoint"
    begin(path).train_to(4)
    torch.set_num_threads(2)
    try:
        again = begin(path)
        again.train_to(4)
        assert not caplog.records
        again.train_to(6)
        again.train_to(8)
    finally:
        torch.set_num_threads(1)
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "threads 1" in caplog.text


def test_a_loss_that_is_not_finite_names_its_remedy(tmp_path: Path):
    training = begin(tmp_path / "checkpoint")
    training.train_to(4)
    with torch.no_grad():
        next(training.network.parameters()).fill_(float("nan"))
    with pytest.raises(NasweaveError, match="learning_rate"):
        training.train_to(8)
    assert begin(tmp_path / "checkpoint").step == 4


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path: Path, optimizer: str):
    path, (first, other) = tmp_path / "checkpoint", (optimizer, {"muon": "adamw", "adamw": "muon"}[optimizer])
    begin(path, optimizer=first).train_to(4)
    assert begin(path, optimizer=first).step == 4
    with pytest.raises(CheckpointError, match=f"optimizer: expected '{other}', got '{first}'"):
        begin(path, optimizer=other)


def test_a_child_computes_with_what_it_shares_with_its_donor():
    donor = begin()
    donor.train_to(6)
    space = job(steps=1)[0]
    largest = space.largest
    narrow = replace(largest, embed_dim=min(space.embed_dim))
    child = Network(narrow, space.geometry)
    reset_parameters(child, initial_generator(seed=1))
    assert inherit_weights(child, donor.network) == 1.0
    for name, weight in child.named_parameters():
        source = dict(donor.network.named_parameters())[name]
        assert torch.equal(weight, source[tuple(slice(n) for n in weight.shape)])
    same = Network(largest, space.geometry)
    reset_parameters(same, initial_generator(seed=1))
    inherit_weights(same, donor.network)
    inputs, _ = donor.data.validation.batch(slice(0, 8))
    assert torch.equal(same.eval()(inputs), donor.network.eval()(inputs))


def test_a_child_begins_between_random_weights_and_its_donors():
    donor = begin()
    donor.train_to(4)
    begun, near = (begin().network for _ in range(2))
    inherit_weights(near, donor.network, share=0.25)
    for name, weight in near.named_parameters():
        apart, source = dict(begun.named_parameters())[name], dict(donor.network.named_parameters())[name]
        torch.testing.assert_close(weight, 0.75 * apart + 0.25 * source)
