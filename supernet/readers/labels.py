"""Labels of classes: they stand one a line in the files of an exported network, so each must fit into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from search_space.errors import DataError
from supernet.readers.words import shown

__all__ = ["check_labels", "look_alikes"]

_LONGEST = 200


def check_labels(labels: Iterable[str], *, where: str) -> None:
    """Raise ``DataError`` for a label that is empty, not in one line, longer than 200 signs, or cannot be written."""
    for label in labels:
        if label.strip() and label.isprintable() and len(label) <= _LONGEST:
            continue
        raise DataError(
            where,
            expected=f"labels in one line of at most {_LONGEST} signs that can be seen",
            got=f"'{shown(label)}'" + (f" of {len(label):,} signs" if len(label) > _LONGEST else ""),
            remedy="rename the label",
        )


def look_alikes(labels: Iterable[str]) -> tuple[str, ...]:
    """Return a note for labels that differ in spaces or capitals alone: most often they are one."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[" ".join(label.casefold().split())].append(label)
    pairs = [" and ".join(repr(label) for label in found) for found in alike.values() if len(found) > 1]
    return (f"labels that differ in spaces or capitals alone are classes of their own: {pairs[0]}",) if pairs else ()
