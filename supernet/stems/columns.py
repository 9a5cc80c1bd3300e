"""A token for each column of a table: a number times a vector of its column, or the vector of its category.

``x_j = v_j w_j + b_j`` for a number ``v_j``, already standardised, and ``x_j = E_j[c_j] + b_j`` for the code ``c_j`` of
a category; columns have no order, so there is no position beside ``b_j``. Codes come as floats after the numbers; 0 is
what training has not seen.

Paper: Gorishniy et al. 2021, Revisiting Deep Learning Models for Tabular Data (FT-Transformer).
"""

from __future__ import annotations

from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.spec import BlockShape, BlockSpec, Cost
from supernet.blocks import Stem
from supernet.elastic import prefix


def check(shape: BlockShape) -> str | None:
    """Every column is a number or has codes, and numbers come first."""
    task = shape.task
    if not task.categories or task.input_shape != (task.seq_len,) or len(task.categories) != task.seq_len:
        return f"input of shape {task.input_shape} is no row of {len(task.categories)} columns"
    if any(codes and not after for codes, after in zip(task.categories, task.categories[1:], strict=False)):
        return "columns of numbers come before those of categories"
    return None


def cost(shape: BlockShape) -> Cost:
    """Vectors of numbers, of categories, and of columns; nothing to multiply but element by element."""
    columns, codes, width = shape.task.seq_len, shape.task.categories, shape.embed_dim
    rows = sum(codes) + sum(not n for n in codes)
    return Cost(other_params=(rows + columns) * width, peak_activations=columns + 2 * columns * width)


class Columns(Stem):
    """``(B, columns)`` to ``(B, columns, D)``."""

    spec = BlockSpec(
        key="columns",
        kind="stem",
        cost=cost,
        paper="Revisiting Deep Learning Models for Tabular Data (2021)",
        causal=False,
        has_linears=False,
        has_norm=False,
        check=check,
    )

    first_codes: Tensor
    last_codes: Tensor

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        codes = [n for n in shape.task.categories if n]
        self.numbers = shape.task.seq_len - len(codes)
        self.weight = nn.Parameter(torch.empty(self.numbers, shape.embed_dim)) if self.numbers else None
        self.table = nn.Parameter(torch.empty(sum(codes), shape.embed_dim)) if codes else None
        self.bias = nn.Parameter(torch.empty(shape.task.seq_len, shape.embed_dim))
        self.register_buffer("first_codes", torch.tensor([0, *accumulate(codes)][:-1]), persistent=False)
        self.register_buffer("last_codes", torch.tensor([n - 1.0 for n in codes]), persistent=False)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all vectors of variance one, as the other stems do."""
        for parameter in self.parameters():
            nn.init.trunc_normal_(parameter, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Scale, look up, add what tells the columns apart."""
        return self._tokens(batch, embed_dim) + prefix(self.bias, self.bias.shape[0], embed_dim)

    def _tokens(self, batch: Tensor, embed_dim: int) -> Tensor:
        found = []
        if self.weight is not None:
            found.append(batch[:, : self.numbers, None] * prefix(self.weight, self.numbers, embed_dim))
        if self.table is not None:
            table = prefix(self.table, self.table.shape[0], embed_dim)
            found.append(F.embedding(self._rows(batch[:, self.numbers :]), table))
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)

    def _rows(self, codes: Tensor) -> Tensor:
        """Return the rows of the table; codes that a column has not are its nearest."""
        known = torch.minimum(codes.round().clamp(min=0.0), self.last_codes.to(codes.dtype))
        return known.long() + self.first_codes


BLOCK = Columns
