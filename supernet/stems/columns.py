"""A token for each column of a table, and a linear model of the columns beside the network.

``x_j = v_j w_j + b_j`` for a number ``v_j``, already standardised, and ``x_j = E_j[c_j] + b_j`` for the code ``c_j`` of
a category; columns have no order, so there is no position beside ``b_j``. Codes come as floats after the numbers; 0 is
what training has not seen.

The head's outputs get ``sum_j v_j u_j`` and ``sum_j F_j[c_j]`` added, which begin at zero: what is linear in a table,
often most of it, is learned beside the layers, whose norms take the size out of numbers.

Papers: Gorishniy et al. 2021, Revisiting Deep Learning Models for Tabular Data (FT-Transformer); Cheng et al. 2016,
Wide & Deep Learning.
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
    return Cost(
        other_params=(rows + columns) * width + rows * shape.task.num_outputs,
        peak_activations=columns + 2 * columns * width,
    )


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
        version=2,
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
        outputs = shape.task.num_outputs
        self.linear = nn.Parameter(torch.empty(self.numbers, outputs)) if self.numbers else None
        self.linear_table = nn.Parameter(torch.empty(sum(codes), outputs)) if codes else None
        self.register_buffer("first_codes", torch.tensor([0, *accumulate(codes)][:-1]), persistent=False)
        self.register_buffer("last_codes", torch.tensor([n - 1.0 for n in codes]), persistent=False)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all vectors of variance one, as the other stems do; the linear model says nothing yet."""
        for parameter in (self.weight, self.table, self.bias):
            if parameter is not None:
                nn.init.trunc_normal_(parameter, generator=generator)
        for parameter in (self.linear, self.linear_table):
            if parameter is not None:
                nn.init.zeros_(parameter)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Scale, look up, add what tells the columns apart."""
        return self._tokens(batch, embed_dim) + prefix(self.bias, self.bias.shape[0], embed_dim)

    def restore(self, outputs: Tensor, batch: Tensor) -> Tensor:
        """Add the linear model of the columns to the head's outputs ``(B, O)``."""
        if self.linear is not None:
            outputs = outputs + (batch[:, : self.numbers, None] * self.linear).sum(1)
        if self.linear_table is not None:
            outputs = outputs + F.embedding(self._rows(batch[:, self.numbers :]), self.linear_table).sum(1)
        return outputs

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
