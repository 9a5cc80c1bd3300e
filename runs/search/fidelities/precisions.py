"""Which precisions cost less than float on a device: the others are not worth a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import PRECISIONS, SpaceGenotype
from search_space import Genes, SearchSpace
from search_space.precision import FLOAT

__all__ = ["useful_precisions"]

_NETWORKS = 256
_LEAST, _SHARE = 0.03, 0.95  # of the cost is gained by one network in twenty


def useful_precisions(
    space: SearchSpace, known: Callable[[Genes], NDArray[np.float64]], *, noise: float = 0.0
) -> Mapping[str, tuple[str, ...]]:
    """Return the precisions in which mixers, and channel mixers, make some networks cheaper than in float.

    Float itself is always among them; all are where the space has no float.

    Parameters
    ----------
    known
        From a gene matrix to costs ``(n, k)``, above zero, of which less is better.
    noise
        What a cost is off by, as a fraction: a smaller gain is none.
    """
    if FLOAT not in space.precision:
        return dict.fromkeys(PRECISIONS, space.precision)
    in_float = SpaceGenotype(space, precisions=dict.fromkeys(PRECISIONS, (FLOAT,)))
    plain = skewed_sample(in_float, np.random.default_rng(0), _NETWORKS)
    before = known(plain)

    def gains(place: int, number: int) -> bool:
        changed = plain.copy()
        space.layer_genes(changed)[..., place] = number
        gain = 1.0 - known(space.canonical(changed)) / before
        return bool(np.quantile(gain, _SHARE, axis=0).max() > max(_LEAST, noise))

    return {
        gene: tuple(name for number, name in enumerate(space.precision) if name == FLOAT or gains(place, number))
        for gene, place in PRECISIONS.items()
    }
