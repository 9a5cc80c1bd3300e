"""Which of several networks is the best after finetuning: a supernet ranks networks only roughly.

The initial configurations come from two orders that err in different ways: how networks were evaluated, and how much
they compute.

A third of the networks goes on after each round, with three times the steps in the next one. The last round finetunes
the up to three that are left in full, for shorter trainings rank networks poorly that are almost equally good;
each round before it costs about as much.

Paper: Jamieson & Talwalkar 2016 (arXiv:1502.07943).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, zip_longest

from search_space import Architecture
from search_space.architecture import IDENTITY

__all__ = ["Round", "initial_configurations", "successive_halving"]

Round = dict[str, float]
"""The validation errors of the networks that took part in a round, by key."""

_SHARE = 3


def initial_configurations(
    errors: Mapping[Architecture, float], flops: Mapping[Architecture, float], count: int
) -> list[Architecture]:
    """Return up to ``count`` networks of low validation error or of many FLOPs, with different most frequent mixers.

    Two of many FLOPs are taken for each that was evaluated, for those came farther: of 27 on Fashion-MNIST no evaluated
    one was among the last three.

    Parameters
    ----------
    errors
        Validation errors of the evaluated networks.
    flops
        FLOPs of networks that need not have been evaluated.
    """
    best, most = _in_turns(errors), _in_turns({a: -n for a, n in flops.items()})
    mixed = chain.from_iterable(zip_longest(most[0::2], most[1::2], best))
    return list(dict.fromkeys(a for a in mixed if a is not None))[:count]


def _in_turns(costs: Mapping[Architecture, float]) -> list[Architecture]:
    """Return the networks by cost, but those of different most frequent mixers in turns.

    First comes the best network of each mixer that most layers have (``identity`` only where it is ahead of all
    others), then the second best of each: one mixer that the supernet favours does not crowd out the others.
    """
    by_mixer: dict[str, list[Architecture]] = defaultdict(list)
    for architecture in sorted(costs, key=costs.__getitem__):
        by_mixer[_most_frequent_mixer(architecture)].append(architecture)
    return [a for a in chain.from_iterable(zip_longest(*by_mixer.values())) if a is not None]


def successive_halving(
    configurations: Sequence[Architecture], *, steps: int, error_after: Callable[[Architecture, int], float]
) -> tuple[Architecture, list[Round]]:
    """Return the winner and the validation errors of every round.

    Parameters
    ----------
    configurations
        One network or more.
    steps
        The steps of finetuning in full, in the last round; a round has a third of the next one's.
    error_after
        Gives a network's validation error after so many steps of finetuning.
    """
    sizes = [len(configurations)]
    while sizes[-1] > 1:
        sizes.append(-(-sizes[-1] // _SHARE))
    left, rounds = list(configurations), []
    for i, size in enumerate(sizes[1:]):
        length = max(1, steps // _SHARE ** (len(sizes) - 2 - i))
        errors = {a.key: error_after(a, length) for a in left}
        left = sorted(left, key=lambda a: errors[a.key])[:size]
        rounds.append(errors)
    return left[0], rounds


def _most_frequent_mixer(architecture: Architecture) -> str:
    counts = Counter(layer.mixer for layer in architecture.layers)
    return max(counts, key=lambda mixer: counts[mixer] - (mixer == IDENTITY) / 2)
