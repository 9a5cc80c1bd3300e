"""Where a search records every network that it has evaluated, before the study is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from runs.store import Store
from search_space import Architecture

__all__ = ["Recorder", "StoreRecorder", "StudyRecord"]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRecord:
    """Where a search is kept, so that it can be continued.

    Parameters
    ----------
    name
        The name of the Optuna study.
    storage_url
        The database of Optuna's tables; the study is in memory when ``None``.
    recorder
        Keeps each network before its trial is finished.
    identity
        Hashes of all that the values depend on (checkpoint, data, profile), by name; checked on resume.
    """

    name: str = "search"
    storage_url: str | None = None
    recorder: Recorder | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
