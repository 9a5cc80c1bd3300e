"""What a step sees: its examples and its subnets, pure functions of (seed, step), so that resuming is exact.

Paper: Chu et al. 2021, FairNAS (every choice of a layer is trained equally often).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from search_space import Architecture, SearchSpace
from supernet.training.config import TrainingConfig

__all__ = ["Subnets", "augmentation_generator", "batch_rows", "initial_generator", "subnets"]

_ORDER, _AUGMENT, _SUBNETS, _BLOCKS, _WEIGHTS = range(5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subnets:
    """The sandwich of one step; the largest teaches the others."""

    largest: Architecture
    smallest: Architecture
    random: tuple[Architecture, ...]

    @property
    def students(self) -> tuple[Architecture, ...]:
        """All but the largest."""
        return (self.smallest, *self.random)


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(n)


def batch_rows(*, seed: int, step: int, batch_size: int, n: int) -> torch.Tensor:
    """Return which of ``n`` training examples the step sees, ``(batch_size,)``.

    Epochs are permutations put end to end, so every example is seen once before any is seen again.
    """
    position = np.arange(step * batch_size, (step + 1) * batch_size)
    epochs = position // n
    rows = [_permutation(seed, int(e), n)[position[epochs == e] % n] for e in np.unique(epochs)]
    return torch.from_numpy(np.concatenate(rows))


def augmentation_generator(*, seed: int, step: int) -> torch.Generator:
    """Return the generator of the step's augmentation."""
    return _generator(seed, _AUGMENT, step)


def initial_generator(*, seed: int) -> torch.Generator:
    """Return the generator of the initial weights."""
    return _generator(seed, _WEIGHTS, 0)


def _generator(*entropy: int) -> torch.Generator:
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


@lru_cache(maxsize=8)
def _cycle(seed: int, gene: int, cycle: int, layers: int, choices: int) -> NDArray[np.int64]:
    """Return a permutation of the choices for each layer, ``(layers, choices)``."""
    rng = np.random.default_rng([seed, _BLOCKS, gene, cycle])
    return rng.permuted(np.tile(np.arange(choices), (layers, 1)), axis=1)


def subnets(space: SearchSpace, config: TrainingConfig, *, step: int) -> Subnets:
    """Draw the subnets of a step.

    The mixers and channel mixers of each layer run through fresh permutations of the choices, so that after any number
    of draws no two differ by more than one visit (an inactive layer counts); all other genes are independent.
    """
    rng = np.random.default_rng([config.seed, _SUBNETS, step])
    genes = rng.integers(0, space.cards, (config.num_random, len(space.cards))).astype(np.int16)
    layers = space.layer_genes(genes)
    for column, gene in ((0, "mixer"), (2, "channel_mixer")):
        choices = len(getattr(space, gene))
        for row in range(config.num_random):
            cycle, place = divmod(step * config.num_random + row, choices)
            layers[row, :, column] = _cycle(config.seed, column, cycle, space.max_depth, choices)[:, place]
    smallest, random = space.smallest, tuple(space.decode(genes))
    if not config.in_precision_phase(step):
        smallest, random = smallest.in_float(), tuple(a.in_float() for a in random)
    return Subnets(largest=space.largest.in_float(), smallest=smallest, random=random)
