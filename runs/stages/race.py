"""Which of several networks is the best after finetuning: a race in rounds, for a supernet ranks networks only roughly.

Who enters comes from two orders that err in different ways: how networks were judged, and how much they compute.

Successive halving, with a third of the networks going on after each round and three times the steps in the next one:
all rounds together cost about as much as finetuning two of the networks in full.

Paper: Jamieson & Talwalkar 2016 (arXiv:1502.07943).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, zip_longest

import numpy as np

from runs.search import Cheap
from runs.search.design import skewed_sample
from search_space import Architecture, SearchSpace

__all__ = ["Round", "contenders", "race", "roomiest"]

Round = dict[str, float]  # validation errors by key, of those that took part
_SHARE = 3
_DRAWN = 100_000  # networks, in two ways each
_LOOKED_AT = 20_000


def contenders(found: Iterable[tuple[Architecture, float]], count: int) -> list[Architecture]:
    """Return up to ``count`` networks of low validation error that lead with different mixers.

    First comes the best network of each leading mixer, the most frequent one beside ``identity``, then the second best
    of each: one mixer that the supernet favours does not crowd out the others.
    """
    by_mixer: dict[str, list[Architecture]] = defaultdict(list)
    for architecture, _ in sorted(found, key=lambda pair: pair[1]):
        by_mixer[_leading_mixer(architecture)].append(architecture)
    in_turns = chain.from_iterable(zip_longest(*by_mixer.values()))
    return [a for a in in_turns if a is not None][:count]


def roomiest(
    space: SearchSpace, *, cheap: Cheap, limits: Mapping[str, float], rng: np.random.Generator
) -> dict[Architecture, float]:
    """Return the network with the most FLOPs within the limits for each leading mixer and width, with these FLOPs.

    Of equally fast networks those that compute more are mostly better once they are trained, which holds without any
    evaluation (White et al. 2022, A Deeper Look at Zero-Cost Proxies for Lightweight NAS). Nothing where no limit is on
    a value that ``cheap`` gives.
    """
    genes = np.concatenate([skewed_sample(space, rng, _DRAWN), space.sample_genes(rng, _DRAWN)])
    values = cheap(genes)
    limited = [name for name in limits if name in values]
    if not limited:
        return {}
    within = np.all([values[name] <= limits[name] for name in limited], axis=0)
    genes, flops = genes[within], values["flops"][within]
    order = np.argsort(-flops, kind="stable")[:_LOOKED_AT]
    found: dict[tuple[str, int], tuple[Architecture, float]] = {}
    for architecture, number in zip(space.decode(genes[order]), flops[order].tolist(), strict=True):
        found.setdefault((_leading_mixer(architecture), architecture.embed_dim), (architecture, number))
    return dict(found.values())


def race(
    entered: Sequence[Architecture], *, steps: int, error_after: Callable[[Architecture, int], float]
) -> tuple[Architecture, list[Round]]:
    """Return the winner, not yet finetuned in full, and the validation errors of every round.

    Parameters
    ----------
    entered
        One network or more.
    steps
        Of finetuning the winner in full; a round has a third of the next one's.
    error_after
        Gives a network's validation error after so many steps of finetuning.
    """
    sizes = [len(entered)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // _SHARE))
    left, rounds = list(entered), []
    for i, size in enumerate(sizes[1:]):
        length = max(1, steps // _SHARE ** (len(sizes) - 1 - i))
        errors = {a.key: error_after(a, length) for a in left}
        left = sorted(left, key=lambda a: errors[a.key])[:size]
        rounds.append(errors)
    return left[0], rounds


def _leading_mixer(architecture: Architecture) -> str:
    counts = Counter(layer.mixer for layer in architecture.layers if layer.mixer != "identity")
    return counts.most_common(1)[0][0] if counts else "identity"
