"""Where a search notes every network it has evaluated, before Optuna hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from runs.store import Store
from search_space import Architecture

__all__ = ["Recorder", "StoreRecorder"]


class Recorder(Protocol):
    """The candidates of one run, each once by key."""

    def known(self) -> Mapping[str, Mapping[str, float]]:
        """Return the values of every evaluated network by key."""

    def add(
        self, key: str, *, architecture: Architecture, values: Mapping[str, float], trial_number: int | None
    ) -> None:
        """Keep an evaluated network durably; nothing changes when the key is known."""


class StoreRecorder:
    """Records into the store, as candidates of one run.

    Parameters
    ----------
    store, run_id
        The store and its run.
    predicted
        Names of the values that are predictions.
    """

    def __init__(self, store: Store, *, run_id: int, predicted: tuple[str, ...] = ("latency_ms",)) -> None:
        self._store, self._run_id, self._predicted = store, run_id, predicted

    def known(self) -> dict[str, dict[str, float]]:
        """Return the values of every complete candidate by key."""
        return {
            candidate.key: {**candidate.values, **candidate.predicted}
            for candidate in self._store.candidates(self._run_id, state="complete")
        }

    def add(
        self, key: str, *, architecture: Architecture, values: Mapping[str, float], trial_number: int | None
    ) -> None:
        """Store a candidate of source ``search``, unless the run has it."""
        self._store.add_candidate(
            self._run_id,
            key,
            architecture_json=architecture.to_json(),
            values=values,
            predicted={name: value for name, value in values.items() if name in self._predicted},
            source="search",
            trial_number=trial_number,
        )
