"""Who goes next within a time budget: the opening, then blocks for their share of the time, then whole networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

__all__ = ["Turns"]

K = TypeVar("K")


class Turns(Generic[K]):
    """Groups that are handled together, handed out one by one.

    Parameters
    ----------
    first
        Blocks and networks of the opening.
    blocks, networks
        The rest, in their orders.
    block_share
        Part of the time after which networks go before blocks.
    """

    def __init__(
        self,
        first: Sequence[list[K]],
        *,
        blocks: Sequence[list[K]] = (),
        networks: Sequence[list[K]] = (),
        block_share: float = 1.0,
    ) -> None:
        self._first, self._blocks, self._networks = list(first), list(blocks), list(networks)
        self._block_share = block_share

    def __bool__(self) -> bool:
        return bool(self._first or self._blocks or self._networks)

    def take(self, *, spent: float) -> list[K]:
        """Return the next group, given the part of the time budget that is spent (0 without one)."""
        if self._first:
            return self._first.pop(0)
        if self._blocks and (spent < self._block_share or not self._networks):
            return self._blocks.pop(0)
        return self._networks.pop(0)

    def phases(self) -> list[tuple[str, list[K]]]:
        """Return every group with its phase: ``first``, ``block`` or ``network``."""
        parts = (("first", self._first), ("block", self._blocks), ("network", self._networks))
        return [(name, group) for name, groups in parts for group in groups]
