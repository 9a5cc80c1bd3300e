"""The order in which subjects are prepared: shuffled, each kind in proportion, what shares an export together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hardware_profiles.measurement import Subject
from search_space import Architecture

__all__ = ["interleaved"]


def interleaved(subjects: Sequence[Subject], rng: np.random.Generator) -> list[list[Subject]]:
    """Group the subjects that share an export; shuffle so that any beginning holds each kind in proportion."""
    groups: dict[Subject, list[Subject]] = {}
    for subject in subjects:
        groups.setdefault(subject.in_float(), []).append(subject)
    strata: dict[str, list[list[Subject]]] = {}
    for base, group in groups.items():
        name = "network" if isinstance(base, Architecture) else f"{base.kind}.{base.key}"
        strata.setdefault(name, []).append(group)
    placed: list[tuple[float, list[Subject]]] = []
    for members in strata.values():
        places = (np.arange(len(members)) + rng.random(len(members))) / len(members)
        placed += [(float(place), members[i]) for place, i in zip(places, rng.permutation(len(members)), strict=True)]
    return [group for _, group in sorted(placed, key=lambda pair: pair[0])]
