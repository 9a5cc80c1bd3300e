"""The evaluated networks of a run: found again with every value, and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from runs.reporter import ProgressCallback
from runs.search import CostFunction, Recorder
from runs.store import Candidate, Store
from search_space import Architecture, SearchSpace

__all__ = ["found_candidates", "record_networks"]


class Evaluate(Protocol):
    """Gives the quality of a network, on all examples with ``whole``."""

    def __call__(self, architecture: Architecture, *, whole: bool) -> dict[str, float]:
        """Return the quality by name of value."""


def found_candidates(store: Store, run_id: int, *, space: SearchSpace, cost_function: CostFunction) -> list[Candidate]:
    """Return the evaluated networks of a run, each with every value that needs no evaluation.

    A run that was searched before a device was named has not recorded its latencies: they are predicted now.
    """
    candidates = store.candidates(run_id, state="complete")
    if not candidates:
        return []
    genes = space.encode([c.architecture for c in candidates])
    columns = cost_function(genes)
    return [
        replace(c, values={**{name: float(column[i]) for name, column in columns.items()}, **c.values})
        for i, c in enumerate(candidates)
    ]


def record_networks(
    architectures: Sequence[Architecture],
    *,
    space: SearchSpace,
    cost_function: CostFunction,
    evaluate: Evaluate,
    recorder: Recorder,
    progress: ProgressCallback | None = None,
) -> None:
    """Evaluate on all examples, and record, those networks that no search proposed and that the run does not have."""
    recorded = recorder.known()
    new = [architecture for architecture in architectures if architecture.key not in recorded]
    for i, architecture in enumerate(new):
        costs = cost_function(space.encode([architecture]))
        values = {name: float(column[0]) for name, column in costs.items()} | evaluate(architecture, whole=True)
        recorder.add(architecture.key, architecture=architecture, values=values, trial_number=None)
        if progress is not None:
            progress(i + 1, len(new), str(architecture))
