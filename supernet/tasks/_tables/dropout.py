"""Cells that training leaves out, so that a network does not learn the rows of a small table by heart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ColumnDropout"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnDropout:
    """Replaces cells by 0, which is the mean of a number and no known category (Srivastava et al. 2014, dropout).

    Parameters
    ----------
    share
        Of the cells, in training.
    """

    share: float

    def __call__(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Replace cells of ``(B, columns)``."""
        return inputs.masked_fill(torch.rand(inputs.shape, generator=generator) < self.share, 0.0)
