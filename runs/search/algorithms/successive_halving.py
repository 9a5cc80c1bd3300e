"""Which of several networks is the best after finetuning: a race in rounds, for a supernet ranks networks only roughly.

Who enters comes from two orders that err in different ways: how networks were judged, and how much they compute.

Successive halving: a third of the networks goes on after each round, with three times the steps in the next one. The
last round finetunes the up to three that are left in full, for shorter trainings are poor judges of networks that are
almost equally good; each round before it costs about as much.

Paper: Jamieson & Talwalkar 2016 (arXiv:1502.07943).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from runs.search import CostFunction
from runs.search.algorithms.design import skewed_sample
from search_space import Architecture, Genes, SearchSpace

__all__ = ["Round", "highest_flops", "initial_configurations", "successive_halving"]

Round = dict[str, float]  # validation errors by key, of those that took part
_SHARE = 3
_DRAWN, _ROUNDS, _KEPT, _CHILDREN = 50_000, 12, 40, 8  # of the search for the roomiest networks


def initial_configurations(
    judged: Mapping[Architecture, float], flops: Mapping[Architecture, float], count: int
) -> list[Architecture]:
    """Return up to ``count`` networks of low validation error or of many FLOPs, which lead with different mixers.

    Two of many FLOPs enter for each that was judged, for those came farther: of 27 on Fashion-MNIST no judged one was
    among the last three.

    Parameters
    ----------
    judged
        Validation errors.
    flops
        Of networks that need not have been judged.
    """
    best, most = _in_turns(judged), _in_turns({a: -n for a, n in flops.items()})
    mixed = chain.from_iterable(zip_longest(most[0::2], most[1::2], best))
    return list(dict.fromkeys(a for a in mixed if a is not None))[:count]


def _in_turns(costs: Mapping[Architecture, float]) -> list[Architecture]:
    """Return the networks by cost, but those that lead with different mixers in turns.

    First comes the best network of each leading mixer, which most layers have (``identity`` only where it is ahead of
    all others), then the second best of each: one mixer that the supernet favours does not crowd out the others.
    """
    by_mixer: dict[str, list[Architecture]] = defaultdict(list)
    for architecture in sorted(costs, key=costs.__getitem__):
        by_mixer[_most_frequent_mixer(architecture)].append(architecture)
    return [a for a in chain.from_iterable(zip_longest(*by_mixer.values())) if a is not None]


def highest_flops(
    space: SearchSpace, *, cost_function: CostFunction, limits: Mapping[str, float], rng: np.random.Generator
) -> dict[Architecture, float]:
    """Return the network with the most FLOPs within the limits for each leading mixer and width, with these FLOPs.

    A network that leaves tokens unmixed in a layer counts as one of ``identity``: FLOPs alone would choose channel
    mixers nearly everywhere, and after the same finetuning such networks were the worse. Of equally fast networks those
    that compute more are mostly better once they are trained, which holds without any evaluation (White et al. 2022, A
    Deeper Look at Zero-Cost Proxies for Lightweight NAS). Nothing where no limit is on a value that ``cheap`` gives.
    """
    limited = [name for name in limits if name in cost_function(space.encode([space.smallest]))]
    if not limited:
        return {}
    kept, flops = np.zeros((0, len(space.cards)), np.int16), np.zeros(0)
    drawn = np.concatenate([skewed_sample(space, rng, _DRAWN), space.sample_genes(rng, _DRAWN)])
    for _ in range(_ROUNDS):
        values = cost_function(drawn)
        within = np.all([values[name] <= limits[name] for name in limited], axis=0)
        genes, first = np.unique(np.concatenate([kept, drawn[within]]), axis=0, return_index=True)
        flops = np.concatenate([flops, values["flops"][within]])[first]
        if not len(genes):
            return {}
        order = np.argsort(-flops, kind="stable")
        best = np.concatenate([[], *(order[group][:_KEPT] for group in _groups(space, genes[order]))]).astype(int)
        kept, flops = genes[best], flops[best]
        drawn = space.mutate(np.repeat(kept, _CHILDREN, axis=0), rng, rate=1.5 / kept.shape[1])
    return {space.decode(kept[group[:1]])[0]: float(flops[group[0]]) for group in _groups(space, kept)}


def _groups(space: SearchSpace, genes: Genes) -> list[NDArray[np.intp]]:
    """Return the rows of each leading mixer and width, in order; ``identity`` leads in every network that has it."""
    names = space.gene_names
    depth = np.array(space.depth)[genes[:, names.index("depth")]]
    mixers = genes[:, [names.index(f"layer{i}.mixer") for i in range(space.max_depth)]]
    there = np.arange(space.max_depth) < depth[:, None]
    counts = np.stack([((mixers == m) & there).sum(1) for m in range(len(space.mixer))], axis=1)
    leading = counts.argmax(1)
    if "identity" in space.mixer:
        idle = space.mixer.index("identity")
        leading = np.where(counts[:, idle] > 0, idle, leading)
    codes = leading * len(space.embed_dim) + genes[:, names.index("embed_dim")]
    return [np.flatnonzero(codes == code) for code in np.unique(codes)]


def successive_halving(
    entered: Sequence[Architecture], *, steps: int, error_after: Callable[[Architecture, int], float]
) -> tuple[Architecture, list[Round]]:
    """Return the winner and the validation errors of every round.

    Parameters
    ----------
    entered
        One network or more.
    steps
        Of finetuning in full, in the last round; a round has a third of the next one's.
    error_after
        Gives a network's validation error after so many steps of finetuning.
    """
    sizes = [len(entered)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // _SHARE))
    left, rounds = list(entered), []
    for i, size in enumerate(sizes[1:]):
        length = max(1, steps // _SHARE ** (len(sizes) - 2 - i))
        errors = {a.key: error_after(a, length) for a in left}
        left = sorted(left, key=lambda a: errors[a.key])[:size]
        rounds.append(errors)
    return left[0], rounds


def _most_frequent_mixer(architecture: Architecture) -> str:
    counts = Counter(layer.mixer for layer in architecture.layers)
    return max(counts, key=lambda mixer: counts[mixer] - (mixer == "identity") / 2)
