"""All states of a linear recurrence at once: ``h_n = f_n h_(n - 1) + a_n``, one halving after the other.

Two neighbours make one step of a recurrence half as long, whose states are every second one of the first; the others
are one step further. So n states take some 3 n products, of which about 2 log2(n) wait for each other.

Papers: Blelloch 1990, Prefix Sums and Their Applications; Martin & Cundy 2018, Parallelizing Linear Recurrent Neural
Nets Over Sequence Length.
"""

from __future__ import annotations

import torch
from torch import Tensor

from supernet.costs import Activations

__all__ = ["scan", "scan_costs"]


def scan(fades: Tensor, added: Tensor, *, dim: int, matrices: bool = False) -> Tensor:
    """Return every state of a recurrence that begins with zero.

    Parameters
    ----------
    fades
        ``f_n``, n along ``dim``: factors that broadcast to the states, or square matrices in the last two axes. That
        of the first state does not matter.
    added
        ``a_n``, of the shape that the states have.
    dim
        The axis of n, not counted from the end.
    matrices
        Whether ``f h`` is a product of matrices.
    """
    count = added.shape[dim]
    if count == 1:
        return added
    pairs, times = count // 2, _matrix_product if matrices else torch.mul
    early, late = _every_second(fades, pairs, dim), _every_second(fades, pairs, dim, first=1)
    both = times(late, _every_second(added, pairs, dim))
    both = both + _every_second(added, pairs, dim, first=1)
    odd = scan(times(late, early), both, dim=dim, matrices=matrices) if pairs > 1 else both
    del both
    even, more = added.narrow(dim, 0, 1), (count - 1) // 2
    if more:
        further = times(_every_second(fades, more, dim, first=2), odd.narrow(dim, 0, more))
        further = further + _every_second(added, more, dim, first=2)
        even = torch.cat([even, further], dim)
        del further
    states = torch.stack([even.narrow(dim, 0, pairs), odd], dim + 1).flatten(dim, dim + 1)
    del odd
    return torch.cat([states, even.narrow(dim, pairs, 1)], dim) if count > 2 * pairs else states


def scan_costs(live: Activations, *, count: int, fade: int, state: int, matrix: int = 0) -> int:
    """Tell what :func:`scan` makes and drops, its result remaining, and return its operations.

    Parameters
    ----------
    live
        Holds the arguments of the scan already.
    count
        Number of states; of a single one nothing is made.
    fade, state
        Values of one fade and of one state.
    matrix
        Rows of the fades that are matrices, else 0.
    """
    if count == 1:
        return 0
    pairs, more = count // 2, (count - 1) // 2
    flops = _product_costs(live, pairs, fade, state, matrix)
    live.turn(pairs * state, pairs * state)
    if pairs > 1:
        flops += _product_costs(live, pairs, fade, fade, matrix)
        flops += scan_costs(live, count=pairs, fade=fade, state=state, matrix=matrix)
        live.drop(pairs * (fade + state))
    if more:
        flops += _product_costs(live, more, fade, state, matrix)
        live.turn(more * state, more * state)
        live.turn(more * state, (more + 1) * state)
    live.turn(pairs * state, 2 * pairs * state)
    if count > 2 * pairs:
        live.turn(2 * pairs * state, count * state)
    live.drop((more + 1) * state if more else 0)
    return flops


def _product_costs(live: Activations, count: int, fade: int, value: int, matrix: int) -> int:
    if not matrix:
        live.make(count * value)
        return 0
    live.make(count * fade, count * value, count * value)
    live.drop(count * (fade + value))
    return 2 * count * matrix * value


def _every_second(t: Tensor, count: int, dim: int, *, first: int = 0) -> Tensor:
    """Return the ``count`` entries ``first, first + 2, ...`` along an axis, a view."""
    return t[(slice(None),) * dim + (slice(first, first + 2 * count - 1, 2),)]


def _matrix_product(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a b``, of copies: a product of strided views copies some of them, depending on their sizes."""
    return _copy(a) @ _copy(b)


def _copy(t: Tensor) -> Tensor:
    return t.clone(memory_format=torch.contiguous_format)
