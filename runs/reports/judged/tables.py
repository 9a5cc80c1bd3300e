"""The results of each class as a table for readers, and with every digit."""

from __future__ import annotations

import io
import math

import numpy as np

from runs.reports.judged.classes import Answered, ClassResults
from runs.reports.tables import Cell, Table
from runs.reports.units import quantity

__all__ = ["MOST_CLASSES", "class_table", "classes_csv"]

MOST_CLASSES = 40
"""More are not read: of those the table has the worst ones."""


def class_table(found: Answered | None) -> Table:
    """Return precision, recall, F1 and support of each class or label, those of the least F1 where there are many."""
    if found is None:
        return Table(header=(), rows=())
    order = np.arange(len(found.labels))
    if len(order) > MOST_CLASSES:
        order = np.argsort(np.nan_to_num(found.f1, nan=np.inf), kind="stable")[:MOST_CLASSES]
    rows = [
        (
            Cell(text=found.labels[c]),
            *(_share(float(values[c])) for values in (found.precision, found.recall, found.f1)),
            Cell(text=str(found.support[c]), sort=float(found.support[c])),
        )
        for c in order
    ]
    one = "class" if isinstance(found, ClassResults) else "label"
    return Table(header=(one, "precision", "recall", "F1", f"test {found.what}"), rows=tuple(rows))


def _share(value: float) -> Cell:
    return Cell(text="—", sort=-1.0) if math.isnan(value) else Cell(text=quantity(100 * value, "%"), sort=value)


def classes_csv(found: Answered) -> str:
    """Return the results of every class and, in further columns by label, what its examples were taken for.

    Of labels, an example of one is taken for none of the others.
    """
    import pandas as pd

    frame = pd.DataFrame(
        {
            "class" if isinstance(found, ClassResults) else "label": found.labels,
            "precision": found.precision,
            "recall": found.recall,
            "f1": found.f1,
            "support": found.support,
        }
    )
    if isinstance(found, ClassResults):
        taken = pd.DataFrame(found.confusion, columns=[f"taken for {label}" for label in found.labels])
        frame = pd.concat([frame, taken], axis=1)
    out = io.StringIO()
    frame.to_csv(out, index=False, lineterminator="\n")
    return out.getvalue()
