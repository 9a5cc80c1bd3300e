"""Ctrl-C and SIGTERM in a training: the step is done and kept, and the same call comes to the same weights."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
import torch

from supernet.training import train
from supernet.training.checkpoint import load_checkpoint
from supernet.training.stopping import held_back
from tests.supernet.training.job import job

BOTH = [signal.SIGINT, signal.SIGTERM]


class Stopped(Exception):
    """What a handler of ours raises."""


@pytest.fixture(autouse=True)
def handlers():
    def leave(number, frame):
        raise Stopped(number)

    before = {number: signal.signal(number, leave) for number in BOTH}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_waits_for_the_end_of_the_block_and_then_does_what_it_did(number):
    done = []
    with pytest.raises(Stopped), held_back() as is_asked:
        assert not is_asked()
        os.kill(os.getpid(), number)
        assert is_asked()
        done.append("the rest")
    assert done == ["the rest"]


def test_a_second_signal_does_not_wait():
    with pytest.raises(Stopped, match=str(int(signal.SIGTERM))), held_back():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("it waited")


def test_handlers_are_as_before_and_ignored_signals_stay_ignored():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    before = signal.getsignal(signal.SIGINT)
    with held_back() as is_asked:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGTERM)
        assert not is_asked()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_holds_nothing_back():
    found = []

    def work():
        with held_back():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize("number", BOTH)
def test_a_stopped_training_keeps_its_step_and_comes_to_the_same_weights(number, tmp_path: Path, caplog):
    def stop(done: int, total: int, text: str) -> None:
        if done == 4:  # the checkpoints are those of 7 and 14
            os.kill(os.getpid(), number)

    space, data, config = job(steps=12)
    with pytest.raises(Stopped):
        train(space, data, config, folder=tmp_path, progress=stop)
    assert "stopped after step 4 of 12, which is saved" in caplog.text
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").step == 4
    steps: list[int] = []
    ours = train(space, data, config, folder=tmp_path, progress=lambda done, *_: steps.append(done))
    theirs = train(space, data, config, folder=tmp_path / "whole")
    assert steps[0] == 5
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    curves = [(folder / "training.jsonl").read_text() for folder in (tmp_path, tmp_path / "whole")]
    assert curves[0] == curves[1]
