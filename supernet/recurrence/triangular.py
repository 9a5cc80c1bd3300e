"""The inverses of many unit lower triangular matrices, by products of matrices alone, as exact as substitution.

The inverse of ``[[P, 0], [R, Q]]`` is ``[[P', 0], [-Q' R P', Q']]``: so inverses of blocks of one row give those of
blocks of two, of four and so on, in log2(C) steps for C rows. A series of powers would take as many, but its terms grow
where the matrix is far from the identity, and cancel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from supernet.costs import Activations

__all__ = ["block_masks", "inverse", "inverse_costs"]


def block_masks(size: int) -> Tensor:
    """Return ``(steps, C, C)``: the elements that each step takes in, which begins with blocks of 1, 2, 4, ... rows."""
    row, column = torch.arange(size)[:, None], torch.arange(size)[None]
    steps = [2**i for i in range((size - 1).bit_length())]
    masks = [(row // (2 * s) == column // (2 * s)) & (row // s > column // s) for s in steps]
    return torch.stack(masks) if masks else torch.zeros(0, size, size, dtype=torch.bool)


def inverse(below: Tensor, masks_mCC: Tensor, eye_CC: Tensor) -> Tensor:
    """Return ``(I + below)^-1``.

    Parameters
    ----------
    below
        ``(..., C, C)``; what stands on the diagonal or above it is not used.
    masks_mCC
        Of :func:`block_masks`, in the type of ``below``.
    eye_CC
        The identity.
    """
    if not len(masks_mCC):
        return eye_CC.expand_as(below)
    found = eye_CC - below * masks_mCC[0]
    for mask_CC in masks_mCC[1:]:
        found = found - found @ (below * mask_CC) @ found
    return found


def inverse_costs(live: Activations, *, count: int, size: int) -> int:
    """Tell what :func:`inverse` makes and drops of ``count`` matrices, its result remaining; return its operations."""
    values, steps = count * size**2, (size - 1).bit_length()
    if not steps:
        return 0
    live.make(values, values)
    live.drop(values)
    for _ in range(steps - 1):
        live.make(values)
        live.turn(values, values)
        live.turn(values, values)
        live.turn(2 * values, values)
    return 4 * count * size**3 * (steps - 1)
