"""Several processes that train: none outlives the one that began them, and what fails is told in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from search_space.errors import CheckpointError, NasweaveError
from tests.runs.evaluation import pool_process
from tests.runs.evaluation.pool_process import Deadly, DiskFull, pool_of, rounds_of


def lives(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(true, *, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def begin(folder, kind):
    return subprocess.Popen([sys.executable, "-m", pool_process.__name__, str(folder), kind])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_processes_save_what_they_train_before_a_stopped_search_ends(tmp_path, how):
    begun = begin(tmp_path, "saving")
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        begun.send_signal(how)
        assert begun.wait(timeout=30) in (-how, 1, 130)
    finally:
        begun.kill()
        begun.wait()
    assert sorted(path.name for path in tmp_path.glob("*.saved")) == ["first.saved", "second.saved"]


def test_no_process_trains_on_after_the_one_that_began_it_was_killed(tmp_path):
    begun = begin(tmp_path, "endless")
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        trainers = [int(path.name) for path in tmp_path.iterdir()]
        assert all(map(lives, trainers)) and begun.pid not in trainers
    finally:
        begun.kill()
        begun.wait()
    wait_until(lambda: not any(map(lives, trainers)), seconds=20.0)


def test_a_process_that_is_killed_ends_the_search_in_one_line():
    with (
        pool_of(Deadly(), processes=2) as pool,
        pytest.raises(NasweaveError, match="take fewer processes") as caught,
    ):
        pool.train(rounds_of("first", "second"))
    assert str(caught.value).startswith("search.fidelities.processes: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_full_disk_is_not_the_failure_of_a_network(processes):
    with pool_of(DiskFull(), processes=processes) as pool:
        assert pool.train(rounds_of("first", "third")) == ["a quality"] * 2
        with pytest.raises(CheckpointError, match="no space left"):
            pool.train(rounds_of("first", "second", "third"))
