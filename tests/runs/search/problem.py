"""A search problem whose answer is known, and a recorder in memory."""

from __future__ import annotations

from collections.abc import Mapping

from runs.search.testing import SyntheticQuality
from search_space import Architecture

__all__ = ["Memory", "SyntheticQuality"]


class Memory:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, float]] = {}

    def known(self) -> dict[str, Mapping[str, float]]:
        return dict(self.rows)

    def add(
        self, key: str, *, architecture: Architecture, values: Mapping[str, float], trial_number: int | None
    ) -> None:
        assert key == architecture.key and key not in self.rows, "a network is recorded once"
        self.rows[key] = dict(values)
