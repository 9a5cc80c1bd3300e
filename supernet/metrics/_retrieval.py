"""How well vectors find what others find: whether the nearest neighbour of each example is still among the nearest."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._base import Measure
from supernet.metrics._classes import least_of_share

__all__ = ["nearest", "recall_at"]

_ROWS = 512  # of the similarities that are looked at together


def nearest(vectors: Tensor, *, rows: Tensor | None = None) -> Tensor:
    """Return the place of the nearest other one, by the cosine, for some of the vectors ``(n, D)``; all if ``None``."""
    unit = F.normalize(vectors, dim=-1)
    rows = torch.arange(len(unit)) if rows is None else rows
    return torch.cat([_similarities(unit, some).argmax(-1) for some in torch.split(rows, _ROWS)])


def _similarities(unit: Tensor, rows: Tensor) -> Tensor:
    """Return the cosines of some vectors with all ``(B, n)``, each one's with itself being -inf."""
    cosines = unit[rows] @ unit.mT
    cosines[torch.arange(len(rows)), rows] = -torch.inf
    return cosines


def _errors(outputs: Tensor, targets: Tensor, *, among: int) -> Tensor:
    """One where the neighbour by ``targets (n, D)`` is not among so many nearest by ``outputs (n, E)``, ``(n,)``.

    What is as near as the neighbour counts as nearer, so that equal vectors find nothing.
    """
    wanted, unit = nearest(targets).to(outputs.device), F.normalize(outputs, dim=-1)
    missed = []
    for rows in torch.split(torch.arange(len(unit)), _ROWS):
        cosines = _similarities(unit, rows)
        right = cosines.gather(1, wanted[rows, None])
        not_nearer = ((cosines < right) | cosines.isneginf()).sum(-1)  # itself among them; nothing is less than NaN
        missed.append(len(unit) - not_nearer > among)
    return torch.cat(missed).to(outputs.dtype)


def _unfit(targets: Tensor, outputs: int, *, among: int) -> str | None:
    return None if len(targets) > among + 1 else f"has {len(targets)} examples, of which {among} others are named"


def recall_at(among: int) -> Measure:
    """Return the share of examples whose nearest neighbour by the targets is among the first by the outputs."""
    return Measure(
        metric=Metric(key=f"recall_at_{among}", name=f"recall@{among}", unit="%", best=100.0),
        kinds=("vectors",),
        errors=partial(_errors, among=among),
        among_all=True,
        least=least_of_share,
        unfit=partial(_unfit, among=among),
    )
