"""Where a search notes every network it has evaluated, before Optuna hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        Gives the predictions that are kept beside the values, such as the ends of an interval, by name.
    source
        Who proposed the candidates.
    """

    def __init__(
        self,
        store: Store,
        *,
        run_id: int,
        predicted: Callable[[Architecture], Mapping[str, float]] = lambda architecture: {},
        source: str = "search",
    ) -> None:
        self._store, self._run_id, self._predicted, self._source = store, run_id, predicted, source

    def known(self) -> dict[str, dict[str, float]]:
        """Return the values of every complete candidate by key."""
        return {c.key: c.values for c in self._store.candidates(self._run_id, state="complete")}

    def add(
        self, key: str, *, architecture: Architecture, values: Mapping[str, float], trial_number: int | None
    ) -> None:
        """Store a candidate, unless the run has it."""
        self._store.add_candidate(
            self._run_id,
            key,
            architecture=architecture,
            values=values,
            predicted=self._predicted(architecture),
            source=self._source,
            trial_number=trial_number,
        )
