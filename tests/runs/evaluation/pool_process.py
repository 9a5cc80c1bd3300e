"""Rounds that never end, or that end their process, for tests of what a pool leaves behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from runs.evaluation.pool import Round, RoundsPool
from runs.evaluation.rounds import RoundsEvaluator
from search_space import Architecture
from search_space.errors import CheckpointError
from supernet.training.stopping import held_back


@dataclass(frozen=True)
class Endless:
    """Writes the number of its process into a folder and waits."""

    folder: Path

    def train(self, architecture: Any, **_: Any) -> None:
        (self.folder / str(os.getpid())).touch()
        time.sleep(600)


@dataclass(frozen=True)
class Saving:
    """Trains for long, and saves where it is told to stop."""

    folder: Path

    def train(self, architecture: Any, **_: Any) -> None:
        (self.folder / str(os.getpid())).touch()
        with held_back() as is_asked:
            while not is_asked():
                time.sleep(0.01)
            time.sleep(0.2)  # the rest of a step
            (self.folder / f"{architecture}.saved").touch()


class Deadly:
    """Ends its process as the kernel does where memory is short."""

    def train(self, architecture: Any, **_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class DiskFull:
    """Cannot write the second network."""

    def train(self, architecture: Any, **_: Any) -> str:
        if architecture == "second":
            raise CheckpointError("second", expected="to write it", got="no space left", remedy="free some")
        return "a quality"


def rounds_of(*names: str) -> list[Round]:
    """Return a round for each name, which stands for a network."""
    return [Round(architecture=cast(Architecture, name), steps=1) for name in names]


def pool_of(trainer: object, *, processes: int) -> RoundsPool:
    """Return a pool of one of the trainers above."""
    return RoundsPool(cast(RoundsEvaluator, trainer), processes=processes)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which one begun in the background ignores
    kind = {"endless": Endless, "saving": Saving}[sys.argv[2]]
    with pool_of(kind(Path(sys.argv[1])), processes=2) as pool:
        pool.train(rounds_of("first", "second"))
