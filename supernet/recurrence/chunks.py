"""A sequence as N chunks of C tokens, the heads apart: what the parallel forms of recurrences multiply.

Shape legend: B batch, L tokens, H heads, X features of a head, E = H X, N chunks, C tokens of a chunk.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.spec import BlockShape, Scalar
from supernet.costs import Activations
from supernet.options import integer_option

__all__ = ["chunk_sizes", "chunked", "chunked_costs", "decays_within", "joined"]


def chunk_sizes(shape: BlockShape, options: Mapping[str, Scalar]) -> tuple[int, int]:
    """Return the number of chunks and the tokens of one, by the option ``chunk``."""
    length = shape.task.seq_len
    size = min(integer_option(shape, options, "chunk"), length)
    return -(-length // size), size


def chunked(t_BLE: Tensor, num_heads: int, sizes: tuple[int, int]) -> Tensor:
    """Return ``(B, H, N, C, X)`` in this order in memory; tokens that are missing in the last chunk are zeros."""
    extra = sizes[0] * sizes[1] - t_BLE.shape[1]
    t_BLE = F.pad(t_BLE, (0, 0, 0, extra)) if extra else t_BLE
    t_BNCHX = torch.unflatten(torch.unflatten(t_BLE, 2, (num_heads, -1)), 1, sizes)
    return t_BNCHX.permute(0, 3, 1, 2, 4).contiguous()


def chunked_costs(live: Activations, *, length: int, num_heads: int, sizes: tuple[int, int], features: int) -> None:
    """Tell what :func:`chunked` makes of ``(L, E)`` values that are dropped; nothing is copied without a reason."""
    values, padded = length * num_heads * features, sizes[0] * sizes[1] * num_heads * features
    copies = [padded] * ((padded > values) + (num_heads > 1))
    live.make(*copies)
    live.drop(*[values, *copies][: len(copies)])


def joined(y_BHNCX: Tensor, length: int) -> Tensor:
    """Return ``(B, L, H, X)``, a view: the inverse of :func:`chunked`."""
    return y_BHNCX.permute(0, 2, 3, 1, 4).flatten(1, 2)[:, :length]


def decays_within(log_BHNC1: Tensor, future_CC: Tensor) -> Tensor:
    """Return ``(B, H, N, C, C)``: what is left at each token of each one before it in its chunk, none of later ones.

    Parameters
    ----------
    log_BHNC1
        The logarithms of the decays, summed from the first token of the chunk on.
    future_CC
        0, and minus infinity above the diagonal.
    """
    return (log_BHNC1 - log_BHNC1.mT + future_CC).exp()
