"""The order in which subjects are prepared; without a time budget, what shares an export stays together.

Without a time budget everything is measured, and each kind is shuffled in proportion, so that drift falls on all alike.
Within a budget the order decides what is left out: first an opening of one block of every kind in float, the first
networks, and those blocks in the other precisions; then blocks far apart from each other in cost, in float before the
other precisions; then whole networks as the caller ranked them, then what blocks remain. So a predictor can be fitted
whenever the time is over, and blocks that were not reached lie between ones that were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hardware_profiles.measurement import Subject
from hardware_profiles.measuring.turns import Turns
from search_space import Architecture
from search_space.farthest import farthest_first, standardised

__all__ = ["Describe", "interleaved", "spread_out"]

Describe = Callable[[Subject], Sequence[float]]
_OPENING_NETWORKS = 3


def interleaved(subjects: Sequence[Subject], rng: np.random.Generator) -> Turns[Subject]:
    """Return everything shuffled such that any beginning holds each kind in proportion."""
    placed: list[tuple[float, list[Subject]]] = []
    for members in _strata(_groups(subjects)).values():
        places = (np.arange(len(members)) + rng.random(len(members))) / len(members)
        placed += [(float(place), members[i]) for place, i in zip(places, rng.permutation(len(members)), strict=True)]
    return Turns([group for _, group in sorted(placed, key=lambda pair: pair[0])])


def spread_out(
    subjects: Sequence[Subject], rng: np.random.Generator, *, describe: Describe | None, block_share: float
) -> Turns[Subject]:
    """Return the order for a time budget; networks keep the caller's order.

    Parameters
    ----------
    subjects
        Blocks and networks.
    rng
        Decides where nothing else does.
    describe
        The costs of a block, on scales in which distances mean something; without it blocks are drawn at random.
    block_share
        Part of the budget after which networks go before blocks.
    """
    strata = _strata(_groups(subjects))
    networks = strata.pop("network", [])
    opening: list[list[Subject]] = []
    rest: list[tuple[float, list[Subject]]] = []  # by their places in the order of all blocks, from 0 to 1
    for members in strata.values():
        points = None if describe is None else np.array([describe(group[0]) for group in members], float)
        far = rng.permutation(len(members)) if points is None else farthest_first(standardised(points), len(points))
        order: list[int] = far.tolist()
        opening.append(members[order[0]])
        # Kinds take turns in proportion to how many they are; each runs through its own order.
        for place, i in enumerate(order[1:], start=1):
            at = (place + float(rng.random())) / len(members)
            in_float, others = _apart(members[i])
            rest += [(0.5 * at, in_float), (0.5 + 0.5 * at, others)]
    blocks = [group for _, group in sorted(rest, key=lambda pair: pair[0]) if group]
    begin, end = zip(*map(_apart, opening), strict=True) if opening else ((), ())
    first = [group for group in (*begin, *networks[:_OPENING_NETWORKS], *end) if group]
    return Turns(first, blocks=blocks, networks=networks[_OPENING_NETWORKS:], block_share=block_share)


def _apart(group: list[Subject]) -> tuple[list[Subject], list[Subject]]:
    """Return what of a group is in float, and the rest."""
    return [s for s in group if s == s.in_float()], [s for s in group if s != s.in_float()]


def _groups(subjects: Sequence[Subject]) -> dict[Subject, list[Subject]]:
    groups: dict[Subject, list[Subject]] = {}
    for subject in subjects:
        groups.setdefault(subject.in_float(), []).append(subject)
    return groups


def _strata(groups: dict[Subject, list[Subject]]) -> dict[str, list[list[Subject]]]:
    strata: dict[str, list[list[Subject]]] = {}
    for base, group in groups.items():
        name = "network" if isinstance(base, Architecture) else f"{base.kind}.{base.key}"
        strata.setdefault(name, []).append(group)
    return strata
