"""The contracts of the four kinds of block, and the projections that token mixers share.

Shape legend: B batch, L tokens, D embed_dim, H heads, K head_dim, F hidden_dim, O outputs.

A block's one file holds its class with a ``spec`` (``search_space.spec.BlockSpec``) and ends with ``BLOCK = TheClass``.
Its constructor takes the largest sizes it will meet; ``forward`` takes the actual ones, and every parameter is used by
its prefix along each axis (``supernet.elastic.prefix``), so that extraction is slicing.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from search_space.precision import FLOAT
from search_space.spec import BlockShape, BlockSpec
from supernet.elastic import ElasticLinear
from supernet.precision import simulate_input

__all__ = ["AttentionMixer", "ChannelMixer", "Head", "Projections", "Stem", "TokenMixer"]


class Projections(nn.Module):
    """The q, k, v and out projections of a layer, shared by all its mixers that need them."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.head_dim = shape.head_dim
        self.q = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.k = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.v = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.out = ElasticLinear(shape.attention_dim, shape.embed_dim)

    def qkv(self, x_BLD: Tensor, num_heads: int, precision: str) -> tuple[Tensor, Tensor, Tensor]:
        """Project to three ``(B, H, L, K)`` tensors; they share one quantised input."""
        x_BLD = simulate_input(x_BLD, precision)
        width = num_heads * self.head_dim

        def heads(linear: ElasticLinear) -> Tensor:
            y_BLE = linear(x_BLD, width, precision, input_simulated=True)
            return y_BLE.unflatten(-1, (num_heads, self.head_dim)).transpose(1, 2)  # type: ignore[no-any-return]

        return heads(self.q), heads(self.k), heads(self.v)

    def merge(self, y_BHLK: Tensor, embed_dim: int, precision: str) -> Tensor:
        """Concatenate the heads and project to ``(B, L, D)``."""
        return self.out(y_BHLK.transpose(1, 2).flatten(2), embed_dim, precision)  # type: ignore[no-any-return]


class TokenMixer(nn.Module):
    """Mixes information between tokens; the layer adds the norm before and the residual around it."""

    spec: ClassVar[BlockSpec]

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(
        self, x_BLD: Tensor, *, num_heads: int = 0, precision: str = FLOAT, projections: Projections | None = None
    ) -> Tensor:
        """Map ``(B, L, D)`` to ``(B, L, D)`` for any D and H up to the constructed ones.

        ``projections`` is given when ``spec.shares_projections``, ``num_heads`` when ``spec.has_heads``.
        """
        raise NotImplementedError


class AttentionMixer(TokenMixer):
    """A token mixer that is a function of shared q, k and v."""

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor) -> Tensor:
        """Return the mixed values ``(B, H, L, K)``."""
        raise NotImplementedError

    def forward(
        self, x_BLD: Tensor, *, num_heads: int = 0, precision: str = FLOAT, projections: Projections | None = None
    ) -> Tensor:
        """Project, attend, merge."""
        assert projections is not None and num_heads > 0
        y_BHLK = self.attend(*projections.qkv(x_BLD, num_heads, precision))
        return projections.merge(y_BHLK, x_BLD.shape[-1], precision)


class ChannelMixer(nn.Module):
    """Mixes the features of each token; the layer adds the norm before and the residual around it."""

    spec: ClassVar[BlockSpec]

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x_BLD: Tensor, *, hidden_dim: int = 0, precision: str = FLOAT) -> Tensor:
        """Map ``(B, L, D)`` to ``(B, L, D)`` for any D and F up to the constructed ones."""
        raise NotImplementedError


class Stem(nn.Module):
    """Turns an example into tokens with positions."""

    spec: ClassVar[BlockSpec]

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, batch: Tensor, *, embed_dim: int) -> Tensor:
        """Map ``(B, *input_shape)`` to ``(B, L, D)``."""
        raise NotImplementedError


class Head(nn.Module):
    """Turns the last tokens into the task's outputs, the final norm included."""

    spec: ClassVar[BlockSpec]

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Map ``(B, L, D)`` to the outputs, ``(B, O)`` for a whole example."""
        raise NotImplementedError
