"""An embedding for each token id and no position: for mixers that tell places themselves (``rotary_softmax``).

``x_l = E[id_l]``; id 0 is padding where the task is padded. With the option ``table: int8`` each row of ``E`` consists
of 8-bit integers and a scale, a quarter of the bytes, in every runtime.

Paper: Touvron et al. 2023, LLaMA: Open and Efficient Foundation Language Models.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hardware_profiles.quantization import quantize_weight
from search_space.spec import BlockShape, BlockSpec, Cost, Scalar
from supernet.blocks import Stem
from supernet.elastic import prefix
from supernet.precision import simulate_weight

PADDING = 0
OPTIONS: dict[str, Scalar] = {"table": "float"}
_INT8_ROWS = "w8a8"  # whose weights are symmetric with one scale a row
# A step of Adam moves a weight by about the rate, whatever its size: from ids of variance one, those of rare pieces
# hardly turn in a short training. Of a random network of clinc150 after 100 and 300 steps the validation error is 51.1
# and 19.1 % from a deviation of 1, 33.0 and 15.0 % from .03, 31.7 and 13.6 % from .01; on bytes, all of which are
# frequent, it makes no difference.
DEVIATION = 0.02


def check(shape: BlockShape) -> str | None:
    """Examples are sequences of ids, and the table is of a known kind."""
    task, table = shape.task, shape.options.get("table", "float")
    if task.vocab_size < 1 or task.input_shape != (task.seq_len,):
        return f"input of shape {task.input_shape} is no sequence of {task.seq_len} ids of a vocabulary"
    return None if table in ("float", "int8") else f"table {table!r} is neither float nor int8"


def cost(shape: BlockShape) -> Cost:
    """One table, nothing to multiply."""
    rows, length, width = shape.task.vocab_size, shape.task.seq_len, shape.embed_dim
    if shape.options.get("table") == "int8":
        return Cost(int8_params=rows * width, constants=rows, peak_activations=2 * (length + length * width))
    return Cost(other_params=rows * width, peak_activations=length + length * width)


class BareTokens(Stem):
    """``(B, L)`` ids to ``(B, L, D)``; L may be shorter than the task's."""

    spec = BlockSpec(
        key="bare_tokens",
        kind="stem",
        cost=cost,
        paper="LLaMA (2023)",
        has_linears=False,
        has_norm=False,
        options=OPTIONS,
        later_options=frozenset(OPTIONS),
        check=check,
    )

    integers: Tensor | None
    scales: Tensor | None

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self.int8 = shape.options.get("table") == "int8"
        self.embedding = nn.Parameter(torch.empty(shape.task.vocab_size, shape.embed_dim))
        self.register_buffer("integers", None)
        self.register_buffer("scales", None)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw ids, small ones."""
        nn.init.trunc_normal_(self.embedding, std=DEVIATION, generator=generator)

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Look up."""
        if self.integers is not None and self.scales is not None:
            return F.embedding(batch, self.integers).to(self.scales.dtype) * F.embedding(batch, self.scales)
        x_BLD = F.embedding(batch, prefix(self.embedding, self.embedding.shape[0], embed_dim))
        return simulate_weight(x_BLD.flatten(0, 1), _INT8_ROWS).view_as(x_BLD) if self.int8 else x_BLD

    def deploy(self) -> None:
        """Hold the integers and scales of an int8 table in place of its float weights."""
        if self.int8 and self.integers is None:
            with torch.no_grad():
                integers, scales = quantize_weight(self.embedding, _INT8_ROWS)
            del self.embedding
            self.integers, self.scales = integers.to(torch.int8), scales

    def mask(self, batch: Tensor) -> Tensor | None:
        """Return which ids are no padding; the first always counts, so that no example is empty."""
        if not self.shape.task.padded:
            return None
        first_L = torch.arange(batch.shape[1], device=batch.device) == 0
        return (batch != PADDING) | first_L

    def step(self, batch_B1: Tensor, *, embed_dim: int, position: Tensor) -> Tensor:
        """Look up."""
        return BareTokens.forward(self, batch_B1, embed_dim=embed_dim)


BLOCK = BareTokens
