"""What a step sees: its examples and its subnets, pure functions of (seed, step), so that resuming is exact.

Paper: Chu et al. 2021, FairNAS (every choice of a layer is trained equally often).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from search_space import Architecture, SearchSpace
from search_space.architecture import IDENTITY
from supernet.tasks import TaskData
from supernet.training.config import TrainingConfig
from supernet.training.lengths import real_lengths
from supernet.training.opening import open_choices, open_smallest

__all__ = ["Subnets", "augmentation_generator", "batch_rows", "initial_generator", "subnets", "training_rows"]

_ORDER, _AUGMENT, _SUBNETS, _BLOCKS, _WEIGHTS, _LENGTHS = range(6)
_ALIKE = 8  # batches whose texts are sorted by length
_TEACHER = 8  # beside the genes that take turns, which are counted from 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Subnets:
    """The sandwich of one step; the largest teaches the others. In the teacher's phase there are no others."""

    largest: Architecture
    smallest: Architecture | None
    random: tuple[Architecture, ...]

    @property
    def students(self) -> tuple[Architecture, ...]:
        """All but the largest."""
        return (() if self.smallest is None else (self.smallest,)) + self.random


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


def training_rows(data: TaskData, config: TrainingConfig, *, step: int) -> torch.Tensor:
    """Return which training examples a step sees, ``(batch_size,)``, in the order that the task's data has.

    Padded texts are batched with some of about their length: those of eight batches are sorted, and the batches drawn.
    """
    n = len(data.train) if data.order is None else len(data.order)
    together = _ALIKE if data.shape.padded and data.shape.vocab_size else 1
    group, place = divmod(step, together)
    rows = batch_rows(seed=config.seed, step=group, batch_size=together * config.batch_size, n=n)
    rows = rows if data.order is None else data.order[rows]
    if together > 1:
        batches = rows[real_lengths(data.train.stored[rows]).argsort(stable=True)].view(together, -1)
        rows = batches[np.random.default_rng([config.seed, _LENGTHS, group]).permutation(together)[place]]
    return rows


def augmentation_generator(*, seed: int, step: int) -> torch.Generator:
    """Return the generator of the step's augmentation."""
    return _generator(seed, _AUGMENT, step)


def initial_generator(*, seed: int) -> torch.Generator:
    """Return the generator of the initial weights."""
    return _generator(seed, _WEIGHTS, 0)


def _generator(*entropy: int) -> torch.Generator:
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


@lru_cache(maxsize=64)
def _cycle(seed: int, gene: int, cycle: int, layers: int, choices: int) -> NDArray[np.int64]:
    """Return a permutation of the choices for each layer, ``(layers, choices)``."""
    rng = np.random.default_rng([seed, _BLOCKS, gene, cycle])
    return rng.permuted(np.tile(np.arange(choices), (layers, 1)), axis=1)


def _working(keys: tuple[str, ...], others: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the indices of the choices that a layer may have: no identity where the other half has nothing else."""
    return np.array([i for i, key in enumerate(keys) if key != IDENTITY or set(others) != {IDENTITY}])


def _blocks(space: SearchSpace, seed: int, draw: int, layers: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the genes of mixer and channel mixer of each layer in one draw, ``(layers,)`` each.

    Both run through permutations. Where two identities meet, which no layer may have, the channel mixer changes places
    with the next one of its permutation that stands beside a mixer.
    """
    mixers, channels = _working(space.mixer, space.channel_mixer), _working(space.channel_mixer, space.mixer)
    cycle, place = divmod(draw, len(channels))

    def mixer_of(draw: int) -> NDArray[np.int64]:
        cycle, place = divmod(draw, len(mixers))
        return mixers[_cycle(seed, 0, cycle, layers, len(mixers))[:, place]]

    order = channels[_cycle(seed, 2, cycle, layers, len(channels))]
    if IDENTITY in space.mixer and IDENTITY in space.channel_mixer and len(channels) > 1:
        beside = np.stack([mixer_of(cycle * len(channels) + i) for i in range(len(channels))], 1)
        no_mixer = beside == space.mixer.index(IDENTITY)
        idle = no_mixer & (order == space.channel_mixer.index(IDENTITY))
        for layer, first in np.argwhere(idle):
            free = [
                i % len(channels)
                for i in range(first + 1, first + len(channels))
                if not no_mixer[layer, i % len(channels)]
            ]
            if free:
                order[layer, [first, free[0]]] = order[layer, [free[0], first]]
    return mixer_of(draw), order[:, place]


def subnets(space: SearchSpace, config: TrainingConfig, *, step: int) -> Subnets:
    """Draw the subnets of a step.

    With ``fair`` draws the mixers and channel mixers of each layer run through fresh permutations of the choices, so
    that after any number of draws no two with weights differ by more than one visit (an inactive layer counts). Draws
    with the same choices in all layers (``uniform_every``) take turns of their own. All other genes are independent.
    Identities are as frequent, but where a space's only choices beside them are one mixer or one channel mixer.
    """
    largest = _teacher(space, config, step)
    if config.in_teacher_phase(step):
        return Subnets(largest=largest, smallest=None, random=())
    rng = np.random.default_rng([config.seed, _SUBNETS, step])
    share = config.opened_at(step)
    choices = open_choices(space, share)
    drawn = rng.integers(0, [len(c) for c in choices], (config.num_random, len(choices)))
    genes = np.stack([c[column] for c, column in zip(choices, drawn.T, strict=True)], axis=1).astype(np.int16)
    layers = space.layer_genes(genes)
    for row in range(config.num_random):
        draw, every = step * config.num_random + row, config.uniform_every
        uniform, before = bool(every) and draw % every == every - 1, draw // every if every else 0
        if uniform:
            layers[row] = layers[row, 0]
        if config.fair:
            turn = (before, 1) if uniform else (draw - before, space.max_depth)
            layers[row, :, 0], layers[row, :, 2] = _blocks(space, config.seed, *turn)
    smallest, random = open_smallest(space, share), tuple(space.decode(genes))
    if step < config.precision_start:
        smallest, random = smallest.in_float(), tuple(a.in_float() for a in random)
    return Subnets(largest=largest, smallest=smallest, random=random)


def _teacher(space: SearchSpace, config: TrainingConfig, step: int) -> Architecture:
    """Return the largest subnet in float, or its sizes with mixers that run through permutations."""
    largest = space.largest.in_float()
    if not config.rotate_teacher:
        return largest
    mixers = [key for key in space.mixer if not space.catalogue.mixers[key].skips] or list(space.mixer)
    cycle, place = divmod(step, len(mixers))
    drawn = _cycle(config.seed, _TEACHER, cycle, space.max_depth, len(mixers))[:, place]
    heads = {key: max(space.num_heads) if space.catalogue.mixers[key].has_heads else 0 for key in mixers}
    options = {key: space.largest_options("mixer", key) for key in mixers}
    turns = zip(largest.layers, (mixers[i] for i in drawn), strict=True)
    layers = (replace(la, mixer=key, num_heads=heads[key], mixer_options=options[key]) for la, key in turns)
    return replace(largest, layers=tuple(layers))
