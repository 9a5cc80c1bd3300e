"""Tell what the task's data was understood to be, before anything is measured or trained on it."""

from __future__ import annotations

import os

from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from search_space.summary import DataSummary

__all__ = ["DATA"]

_EXAMPLES, _LONGEST = 2, 60


def tell(context: Context) -> DataSummary:
    """Return the summary of the data; the first process of several tells it."""
    summary = context.data.summary
    if int(os.environ.get("RANK", "0")) == 0:
        for name, text in summary.facts.items():
            context.reporter.message(f"data, {name}: {text}")
        for example in [e for e in summary.examples if e.text][:_EXAMPLES]:
            start = example.text if len(example.text) <= _LONGEST else f"{example.text[:_LONGEST]} ..."
            context.reporter.message(f"data, example: {start} -> {example.target}")
        for note in summary.notes:
            context.reporter.warning(f"data: {note}")
    return summary


DATA = Stage(name="data", run=tell)
