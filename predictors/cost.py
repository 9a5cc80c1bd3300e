"""Exact costs of whole populations: a network's cost is a sum, or a maximum, over the blocks it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from search_space import Genes, SearchSpace
from search_space.precision import FLOAT_BYTES
from search_space.spec import state_bytes

__all__ = ["CostModel", "sum_over_blocks"]


Number = TypeVar("Number", np.int64, np.float64)


def sum_over_blocks(ids: NDArray[np.intp], table: NDArray[Number]) -> NDArray[Number]:
    """Sum the rows of ``table`` ``(blocks, k)`` that each row of ``ids`` ``(n, slots)`` names; return ``(n, k)``.

    An id of -1 adds nothing. Integers stay exact. (A sparse product: four times faster than gathering and summing.)
    """
    n, slots = ids.shape
    blocks = len(table)
    columns = np.where(ids < 0, blocks, ids).ravel()
    padded = np.concatenate([table, np.zeros((1, table.shape[1]), table.dtype)])
    counts = csr_array(
        (np.ones(columns.size, table.dtype), columns, np.arange(0, columns.size + 1, slots)), shape=(n, blocks + 1)
    )
    total: NDArray[Number] = counts @ padded
    return total


class CostModel:
    """Parameters, operations and bytes of the networks of a space, from the formulas that its blocks declare.

    Every method takes a canonical gene matrix ``(n, genes)`` and returns ``(n,)`` integers.

    Parameters
    ----------
    space
        The space of the genes.
    sequences, cache_tokens
        Of :meth:`cache_bytes`: how many are decoded at once, and the length that their states have room for; that of
        the task when 0.
    """

    def __init__(self, space: SearchSpace, *, sequences: int = 1, cache_tokens: int = 0) -> None:
        if sequences < 1:
            raise ValueError(f"sequences: expected 1 or more, got {sequences}; pass how many are decoded at once")
        if cache_tokens < 0:
            raise ValueError(f"cache_tokens: expected 0 or more, got {cache_tokens}; 0 stands for the task's length")
        self.space, self.sequences, self.cache_tokens = space, sequences, cache_tokens

    @cached_property
    def _sums(self) -> NDArray[np.int64]:
        """Parameters, FLOPs and bytes of every block, ``(blocks, 3)``."""
        rows: list[Sequence[int]] = []
        for block in self.space.blocks:
            cost = self.space.cost(block)
            rows.append((cost.params, cost.flops, cost.size_bytes(block.precision, block.float_precision)))
        return np.array(rows, np.int64)

    @cached_property
    def _activation_bytes(self) -> NDArray[np.int64]:
        """Bytes of activations of every block for one example, then a 0 for the id -1: ``(blocks + 1,)``."""
        blocks = self.space.blocks
        values = [self.space.cost(b).peak_activations * FLOAT_BYTES[b.float_precision] for b in blocks]
        return np.array([*values, 0], np.int64)

    @cached_property
    def _state_bytes(self) -> NDArray[np.int64]:
        """Bytes that every block remembers of one sequence, ``(blocks, 1)``."""
        geometry = self.space.geometry.of_length(self.cache_tokens)
        states = (geometry.state(block, self.space.catalogue) for block in self.space.blocks)
        return np.array([[state_bytes(shapes)] for shapes in states], np.int64)

    def _sum(self, genes: Genes, column: int) -> NDArray[np.int64]:
        return sum_over_blocks(self.space.block_ids(genes), self._sums[:, [column]])[:, 0]

    def params(self, genes: Genes) -> NDArray[np.int64]:
        """Return the number of parameters."""
        return self._sum(genes, 0)

    def flops(self, genes: Genes) -> NDArray[np.int64]:
        """Return the floating point operations for one example; a multiply-add is two."""
        return self._sum(genes, 1)

    def size_bytes(self, genes: Genes) -> NDArray[np.int64]:
        """Return the bytes of the stored weights, each block at its precision, scales included."""
        return self._sum(genes, 2)

    def cache_bytes(self, genes: Genes) -> NDArray[np.int64]:
        """Return the bytes of what all layers remember between two tokens that a causal network decodes: its states.

        Keys and values have room for every token, recurrent states have their one size.
        """
        if not self.space.geometry.task.causal:
            raise ValueError("cache_bytes: expected a space of a causal task; only its networks decode token by token")
        return sum_over_blocks(self.space.block_ids(genes), self._state_bytes)[:, 0] * self.sequences

    @property
    def least_cache_bytes(self) -> int:
        """The least that one layer remembers, of those that remember anything; 1 where none does."""
        kept = self._state_bytes[self._state_bytes > 0]
        return int(kept.min()) * self.sequences if len(kept) else 1

    def peak_activation_bytes(self, genes: Genes, *, batch_size: int = 1) -> NDArray[np.int64]:
        """Return the bytes of the float values alive at the worst moment of a forward pass, weights left out.

        Blocks run one after another and each block's declared peak holds its input and its residual, so the network's
        peak is that of its worst block.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size: expected 1 or more, got {batch_size}; pass the number of examples at once")
        peak: NDArray[np.int64] = self._activation_bytes[self.space.block_ids(genes)].max(axis=1) * batch_size
        return peak

    def peak_memory_bytes(self, genes: Genes, *, batch_size: int = 1) -> NDArray[np.int64]:
        """Return the weights plus the peak of the activations; the runtime's own memory comes on top."""
        return self.size_bytes(genes) + self.peak_activation_bytes(genes, batch_size=batch_size)
