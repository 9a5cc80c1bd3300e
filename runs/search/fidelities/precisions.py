"""Which precisions cost less than float on a device: the others are not worth a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from runs.search.algorithms.design import skewed_sample
from search_space import Genes, SearchSpace
from search_space.precision import FLOAT

__all__ = ["PRECISION_GENES", "useful_precisions"]

PRECISION_GENES = ("mixer_precision", "channel_precision")

_NETWORKS = 256
_LEAST, _SHARE = 0.03, 0.95  # of the cost is gained by one network in twenty: less is the noise of a profile


def useful_precisions(
    space: SearchSpace, known: Callable[[Genes], NDArray[np.float64]]
) -> Mapping[str, tuple[str, ...]]:
    """Return the precisions in which mixers, and channel mixers, make some networks cheaper than in float.

    Float itself is always among them; all are where the space has no float.

    Parameters
    ----------
    known
        From a gene matrix to costs ``(n, k)``, above zero, of which less is better.
    """
    if FLOAT not in space.precision:
        return dict.fromkeys(PRECISION_GENES, space.precision)
    plain = skewed_sample(space, np.random.default_rng(0), _NETWORKS)
    names = list(enumerate(space.gene_names))
    columns = {gene: [i for i, name in names if name.endswith(f".{gene}")] for gene in PRECISION_GENES}
    for places in columns.values():
        plain[:, places] = space.precision.index(FLOAT)
    plain = space.canonical(plain)
    in_float, useful = known(plain), dict[str, tuple[str, ...]]()
    for gene in PRECISION_GENES:
        kept = [FLOAT]
        for number, precision in enumerate(space.precision):
            changed = plain.copy()
            changed[:, columns[gene]] = number
            gain = 1.0 - known(space.canonical(changed)) / in_float
            if np.quantile(gain, _SHARE, axis=0).max() > _LEAST:
                kept.append(precision)
        useful[gene] = tuple(kept)
    return useful
