"""Networks of a search in fidelities: trained in rounds, judged after each, kept as they are exported.

Each network has a folder with its checkpoint, by its key. What a round needs is there or is a function of the seed, so
a killed process repeats at most the steps since the last checkpoint, and comes to the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch

from runs.lock import exclusive
from search_space import Architecture, SearchSpace
from search_space.errors import CheckpointError
from supernet import Network
from supernet.calibration import calibrate
from supernet.elastic import reset_parameters
from supernet.tasks import TaskData
from supernet.training import Evaluator, Quality, TrainingConfig
from supernet.training.checkpoint import FILE, load_checkpoint
from supernet.training.rounds import RoundTraining, Teaching, inherit_weights
from supernet.training.sampling import initial_generator

__all__ = ["RoundsEvaluator", "Start", "Trainers", "inherited_start", "missing_network", "random_start"]

Start = Callable[[Architecture], Network]


@dataclass(frozen=True, slots=True)
class RandomStart:
    """Makes the network of an architecture with random weights, the same ones every time."""

    space: SearchSpace
    seed: int

    def __call__(self, architecture: Architecture) -> Network:
        """Return the network."""
        network = Network(architecture, self.space.geometry)
        reset_parameters(network, initial_generator(seed=self.seed))
        return network


def random_start(space: SearchSpace, *, seed: int) -> Start:
    """Return what makes the network of an architecture with random weights, the same ones every time."""
    return RandomStart(space, seed)


def inherited_start(start: Start, donor: Network, *, share: float = 1.0) -> Start:
    """Return what begins every network a share of the way to the weights that it has in common with a donor."""

    def begin(architecture: Architecture) -> Network:
        network = start(architecture)
        inherit_weights(network, donor, share=share)
        return network

    return begin


def missing_network(path: Path) -> CheckpointError:
    """Return the error of a network whose checkpoint is not there."""
    return CheckpointError(
        str(path),
        expected="the checkpoint of a network of this run",
        got="none",
        remedy="restore the networks of the run's folder, or search anew under another name=",
    )


class RoundsEvaluator:
    """Trains networks further and judges them on the validation split.

    Parameters
    ----------
    space, data, config
        As :class:`supernet.training.rounds.RoundTraining` takes them.
    folder
        Where a folder for each network is kept.
    start
        The network of an architecture before its first step: random weights, or those that a supernet gives it.
    origin
        Names what ``start`` gives, such as a supernet's fingerprint.
    device
        Where to compute.
    examples, batch_size
        How many examples of the validation split a network is judged by, all when ``None``; and how many at a time.
    optimizer
        As :class:`supernet.training.rounds.RoundTraining` takes it.
    donor_share
        How far the weights of a network with a donor begin on the way from those of ``start`` to the donor's.
    teaching
        What teaches the networks beside the labels, if anything does.
    """

    def __init__(
        self,
        space: SearchSpace,
        data: TaskData,
        config: TrainingConfig,
        *,
        folder: Path,
        start: Start,
        origin: str,
        device: str | torch.device = "cpu",
        examples: int | None = None,
        batch_size: int = 256,
        optimizer: str = "muon",
        donor_share: float = 0.6,
        teaching: Teaching | None = None,
    ) -> None:
        self.space, self.data, self.config, self.folder = space, data, config, folder
        self.start, self.origin, self.device = start, origin, torch.device(device)
        self.examples, self.batch_size, self.optimizer = examples, batch_size, optimizer
        self.donor_share, self.teaching = donor_share, teaching

    def path(self, architecture: Architecture) -> Path:
        """Return the checkpoint of a network."""
        return self.folder / architecture.key / FILE

    def holds(self, architecture: Architecture) -> bool:
        """Return whether a network has a checkpoint."""
        return self.path(architecture).exists()

    def steps(self, architecture: Architecture) -> int:
        """Return the steps that a network has behind it, 0 for one without a checkpoint."""
        return load_checkpoint(self.path(architecture)).step if self.holds(architecture) else 0

    def train(self, architecture: Architecture, *, steps: int, donor: Architecture | None = None) -> Quality:
        """Train a network until it has ``steps`` steps behind it; returns its quality on the validation split.

        ``donor`` is a trained network that one without a checkpoint begins with, as far as their weights agree. Another
        process that trains the same network is waited for.
        """
        with exclusive(self.path(architecture).with_name(".lock")):
            network = self._open(architecture, donor=donor).train_to(steps)
            return self.evaluator(calibrate(network, self.data))

    @cached_property
    def evaluator(self) -> Evaluator:
        """What judges the networks, on the validation split."""
        return Evaluator(
            self.data,
            split=self.data.validation,
            device=self.device,
            batch_size=self.batch_size,
            bf16=self.config.bf16,
            examples=self.examples,
        )

    def network(self, architecture: Architecture) -> Network:
        """Return a network as it was trained last, in evaluation mode: what is tested and exported.

        Raises
        ------
        CheckpointError
            It was never trained, or its folder is gone.
        """
        if not self.holds(architecture):
            raise missing_network(self.path(architecture))
        return self._open(architecture, donor=None).network.eval()

    def _open(self, architecture: Architecture, *, donor: Architecture | None) -> RoundTraining:
        network = self.start(architecture)
        if donor is not None and not self.holds(architecture):
            inherit_weights(network, self.network(donor), share=self.donor_share)
        return RoundTraining(
            network.to(self.device),
            identity=f"{self.space.fingerprint}/{architecture.key}/{self.origin}",
            data=self.data,
            config=self.config,
            optimizer=self.optimizer,
            path=self.path(architecture),
            teaching=self.teaching,
        )


class Trainers(NamedTuple):
    """What trains the networks of a search, and what trains those that it is compared with, each in its own folder."""

    searched: RoundsEvaluator
    compared: RoundsEvaluator
