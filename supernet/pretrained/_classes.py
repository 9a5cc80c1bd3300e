"""The last layer of a checkpoint in the order of a task's classes, by the names that its ``config.json`` gives them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from supernet.pretrained._family import Weights
from supernet.pretrained._source import Settings

__all__ = ["class_names", "in_order"]

logger = logging.getLogger(__name__)

_NUMBERED = re.compile(r"LABEL_\d+")  # what transformers call classes of no name


def class_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the classes of a checkpoint in its order, none where they have only numbers."""
    given = settings.values.get("id2label")
    if not isinstance(given, Mapping):
        return ()
    names = tuple(given.get(str(i)) for i in range(len(given)))
    named = all(isinstance(name, str) and not _NUMBERED.fullmatch(name) for name in names)
    return tuple(map(str, names)) if named else ()


def in_order(weights: Weights, names: Sequence[str], labels: Sequence[str]) -> Weights:
    """Return the weights with the rows of last layers in the order of ``labels``, where they are of these classes.

    Others of the same number are taken in their order, with a warning.
    """
    if not names or tuple(names) == tuple(labels):
        return weights
    if sorted(names) != sorted(labels):
        if len(names) == len(labels):
            text = "init: the checkpoint's classes begin with %s, the task's with %s: they are taken in their order"
            logger.warning(text, names[0], labels[0])
        return weights
    order = [names.index(label) for label in labels]

    def sorted_rows(head: Mapping[str, Tensor]) -> dict[str, Tensor]:
        fits = {name: name.startswith("project.") and len(t) == len(names) for name, t in head.items()}
        return {name: t[order] if fits[name] else t for name, t in head.items()}

    return replace(weights, heads={key: sorted_rows(head) for key, head in weights.heads.items()})
