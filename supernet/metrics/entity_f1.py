"""The harmonic mean of precision and recall of entities: one is found if its first word, its last and its type are.

Labels are ``B-TYPE`` at the first word of an entity, ``I-TYPE`` at the others and ``O`` outside (IOB2). As conlleval
and seqeval have it, an ``I-TYPE`` after another type, after ``O`` or at the beginning of a sentence begins an entity.

Papers: Tjong Kim Sang and De Meulder 2003, Introduction to the CoNLL-2003 Shared Task; Ramshaw and Marcus 1995.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure

__all__ = ["are_entities"]

_OUTSIDE = "O"


def are_entities(labels: Sequence[str]) -> bool:
    """Whether labels are those of entities: ``O``, ``B-TYPE`` and ``I-TYPE`` alone, and of the second some."""
    return any(label.startswith("B-") for label in labels) and all(
        label == _OUTSIDE or label[:2] in ("B-", "I-") for label in labels
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Entities:
    """Entities in a row of words: where they begin, the word after each, and their types."""

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    types: NDArray[np.int64]

    @classmethod
    def of(cls, tags: NDArray[np.int64], is_first: NDArray[np.bool_], labels: Sequence[str]) -> _Entities:
        """Return those of class numbers ``(N,)`` of words, of which some are the first of their sentence."""
        kinds = sorted({label[2:] for label in labels if label != _OUTSIDE})
        kind = np.array([-1 if label == _OUTSIDE else kinds.index(label[2:]) for label in labels])[tags]
        begins = np.array([label.startswith("B-") for label in labels])[tags]
        before = np.concatenate([[-1], kind[:-1]])
        begins = (kind >= 0) & (begins | is_first | (before != kind))
        stops = np.append(np.flatnonzero(begins | (kind < 0) | is_first), len(kind))
        places = np.flatnonzero(begins)
        return cls(begins=places, ends=stops[np.searchsorted(stops, places, side="right")], types=kind[places])


def _error(outputs: Tensor, targets: Tensor, *, labels: Sequence[str]) -> float:
    """What the F1 of all entities lacks of one; 1 where there is none."""
    said, there = _entities(outputs.argmax(-1), targets, labels), _entities(targets, targets, labels)
    _, one, other = np.intersect1d(said.begins, there.begins, return_indices=True)
    right = (said.ends[one] == there.ends[other]) & (said.types[one] == there.types[other])
    named = len(said.begins) + len(there.begins)
    return 1.0 - 2 * int(right.sum()) / named if named else 1.0


def _entities(tags: Tensor, targets: Tensor, labels: Sequence[str]) -> _Entities:
    """Return the entities that class numbers ``(n, L)`` say of the words that targets ``(n, L)`` are there for."""
    is_word = targets.numpy() >= 0
    is_first = is_word & (is_word.cumsum(1) == 1)
    return _Entities.of(tags.numpy()[is_word], is_first[is_word], labels)


def _least(targets: Tensor, *, labels: Sequence[str]) -> float:
    """Return the weight of one entity."""
    return 1.0 / max(1, len(_entities(targets, targets, labels).begins))


def _unfit(targets: Tensor, outputs: int, *, labels: Sequence[str]) -> str | None:
    if not are_entities(labels):
        return "has other labels than O, B-TYPE and I-TYPE"
    return None if len(_entities(targets, targets, labels).begins) else "has no entity"


def _named(labels: Sequence[str]) -> Measure:
    return Measure(
        metric=Metric(key="entity_f1", name="entity F1", unit="%", best=100.0, hub="seqeval"),
        kinds=("token_labels",),
        error=partial(_error, labels=labels),
        least=partial(_least, labels=labels),
        unfit=partial(_unfit, labels=labels),
        named=_named,
        of_sequences=True,
    )


METRIC = _named(())
