"""What is profiled: every block of a space, and whole networks far apart from each other."""

from __future__ import annotations

import math

import numpy as np

from hardware_profiles import Subject
from runs.search.algorithms.design import skewed_sample, spread
from search_space import Architecture, SearchSpace, features

__all__ = ["block_costs", "subjects_of"]

_POOL = 2000


def subjects_of(space: SearchSpace, *, networks: int, seed: int) -> list[Subject]:
    """Return all blocks of a space and so many of its networks.

    The networks are the corners and others far apart, for random ones would all be of middling latency.
    """
    rng = np.random.default_rng(seed)
    pool = np.unique(skewed_sample(space, rng, _POOL), axis=0)
    points = features(space, pool)
    genes = pool[spread(points, networks, apart_from=points[:0], rng=rng)]
    corners = [space.smallest, space.middle, space.largest]
    return [*space.blocks, *list(dict.fromkeys([*corners, *space.decode(genes)]))[:networks]]


def block_costs(space: SearchSpace, subject: Subject) -> tuple[float, ...]:
    """Return the costs of a block on logarithmic scales, where distances mean factors."""
    assert not isinstance(subject, Architecture)
    cost = space.cost(subject)
    size = cost.size_bytes(subject.precision, subject.float_precision)
    return math.log1p(cost.flops), math.log1p(size), math.log1p(cost.peak_activations)
