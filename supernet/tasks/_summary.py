"""The words in which a task tells what it read: how many of what, in which range, and a few examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from search_space.summary import Example
from supernet.readers.labels import look_alikes
from supernet.readers.words import shown

__all__ = [
    "class_facts",
    "class_notes",
    "label_facts",
    "label_notes",
    "lengths_text",
    "picture_examples",
    "rows_shown",
    "sizes_text",
]

_EXAMPLES = 5
_MOST_CLASSES = 10
_MOST_PIXELS = 96  # of a side of a picture that is shown
_FEW = 10  # examples of a class


def sizes_text(sizes: Mapping[str, int], *, what: str = "") -> str:
    """Return the sizes of the splits: ``49 for training, 5 for validation, 6 for the test``."""
    words = {"train": "for training", "validation": "for validation", "test": "for the test"}
    text = ", ".join(f"{sizes[name]:,} {word}" for name, word in words.items())
    return f"{text} ({what})" if what else text


def class_facts(targets: Tensor, labels: Sequence[str], *, evaluated: Tensor) -> dict[str, str]:
    """Return how many classes there are, their sizes in the training split, and what always saying one would reach.

    Parameters
    ----------
    targets, evaluated
        Class numbers of the training and of the validation split.
    labels
        Names of the classes.
    """
    counts, seen = _counts(targets, labels), _counts(evaluated, labels)
    order = sorted(range(len(labels)), key=lambda i: (-counts[i], i))
    some = ", ".join(f"{shown(labels[i], most=30)} {counts[i]:,}" for i in order[:_MOST_CLASSES])
    more = f", and {len(order) - _MOST_CLASSES} more" if len(order) > _MOST_CLASSES else ""
    share = seen[order[0]] / max(1, seen.sum())
    return {
        "classes": f"{len(labels)}, with training examples: {some}{more}",
        "the commonest class": f"{100 * share:.1f} % of the validation examples: what always answering it reaches",
    }


def class_notes(splits: Mapping[str, Tensor], labels: Sequence[str]) -> tuple[str, ...]:
    """Return what is suspicious in the classes: few examples, a split without one of them, names that look alike."""
    return _count_notes({name: _counts(targets, labels) for name, targets in splits.items()}, labels, what="classes")


def label_facts(targets: Tensor, labels: Sequence[str]) -> dict[str, str]:
    """Return how many labels there are, how many training examples have each, and how many an example has.

    Parameters
    ----------
    targets
        ``(n, K)`` of 0 and 1, of the training split.
    labels
        Their names.
    """
    counts, sizes = targets.long().sum(0).numpy(), targets.long().sum(1).numpy()
    order = np.argsort(-counts, kind="stable")
    some = ", ".join(f"{shown(labels[i], most=30)} {counts[i]:,}" for i in order[:_MOST_CLASSES])
    more = f", and {len(order) - _MOST_CLASSES} more" if len(order) > _MOST_CLASSES else ""
    return {
        "labels": f"{len(labels)}, with training examples: {some}{more}",
        "labels of an example": f"{sizes.min()} to {sizes.max()}, {sizes.mean():.2g} in the mean; "
        f"{int((sizes == 0).sum()):,} of {len(sizes):,} training examples have none",
    }


def label_notes(splits: Mapping[str, Tensor], labels: Sequence[str]) -> tuple[str, ...]:
    """Return what is suspicious in labels, as :func:`class_notes` does; targets are ``(n, K)`` of 0 and 1."""
    counts = {name: targets.long().sum(0).numpy() for name, targets in splits.items()}
    return _count_notes(counts, labels, what="labels")


def _count_notes(counts: Mapping[str, NDArray[np.int64]], labels: Sequence[str], *, what: str) -> tuple[str, ...]:
    notes = list(look_alikes(labels))
    few = [i for i in np.argsort(counts["train"]) if counts["train"][i] < _FEW]
    if few:
        notes.append(
            f"{len(few)} of {len(labels)} {what} have less than {_FEW} training examples: "
            f"{shown(labels[few[0]], most=30)} {counts['train'][few[0]]}" + (" ..." if len(few) > 1 else "")
        )
    for name, word in (("validation", "validation"), ("test", "test")):
        absent = np.flatnonzero(counts[name] == 0)
        if len(absent):
            notes.append(
                f"{len(absent)} of {len(labels)} {what} have no {word} example: {shown(labels[absent[0]], most=30)}"
                + (" ..." if len(absent) > 1 else "")
            )
    return tuple(notes)


def _counts(targets: Tensor, labels: Sequence[str]) -> NDArray[np.int64]:
    return np.bincount(targets.numpy(), minlength=len(labels)).astype(np.int64)


def rows_shown(count: int) -> list[int]:
    """Return which of so many examples are shown: a few, spread over all."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(_EXAMPLES, count)).tolist()})


def lengths_text(lengths: Sequence[int]) -> str:
    """Return the lengths of texts: ``2 to 38 pieces, 9 in the middle, 99 % up to 30``."""
    middle, most = np.quantile(lengths, (0.5, 0.99), method="higher")
    return f"{min(lengths):,} to {max(lengths):,} pieces, {middle:,} in the middle, 99 % up to {most:,}"


def picture_examples(
    images: NDArray[np.uint8] | NDArray[np.float32], told: Callable[[int], str]
) -> tuple[Example, ...]:
    """Return a few of the pictures ``(n, C, H, W)`` and their answers; values from the least to the largest."""
    examples = []
    for row in rows_shown(len(images)):
        step = -(-max(images.shape[2:]) // _MOST_PIXELS)
        picture = images[row][:, ::step, ::step].astype(np.float64)
        picture = picture if len(picture) == 3 else picture[:1].repeat(3, axis=0)
        low, high = (0.0, 255.0) if images.dtype == np.uint8 and images.max() > 127 else (picture.min(), picture.max())
        pixels = np.clip(255 * (picture - low) / max(high - low, 1e-30), 0, 255).astype(np.uint8)
        examples.append(Example(target=told(row), picture=pixels.transpose(1, 2, 0)))
    return tuple(examples)
