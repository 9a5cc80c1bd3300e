"""The contracts of the four kinds of block, and the projections that token mixers share.

Shape legend: B batch, L tokens, D embed_dim, H heads, G heads of keys and values, R = H / G, K head_dim, F hidden_dim,
O outputs.

A block's one file holds its class with a ``spec`` (``search_space.spec.BlockSpec``) and ends with ``BLOCK = TheClass``.
Its constructor takes the largest sizes it will meet; ``forward`` takes the actual ones, and every parameter is used by
its prefix along each axis (``supernet.elastic.prefix``), so that extraction is slicing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.precision import FLOAT
from search_space.spec import BlockShape, BlockSpec, Int8
from supernet.attention import repeated, through_int8
from supernet.elastic import ElasticLinear, prefix
from supernet.options import int8_cache, rotary
from supernet.rotary import BASE, rotary_speeds, turned, waves_of

__all__ = [
    "AttentionMixer",
    "ChannelMixer",
    "Head",
    "MixerCall",
    "Projections",
    "State",
    "Stem",
    "TokenMixer",
    "deployed",
]

Module = TypeVar("Module", bound=nn.Module)

State = tuple[Tensor, ...]
"""What a causal mixer remembers of the tokens it has seen, the batch first in each tensor; shapes never change."""


class Projections(nn.Module):
    """The q, k, v and out projections of a layer, shared by all its mixers that need them.

    ``kv_heads`` is the largest number of heads that keys and values have in one of them; by default that of the shape.
    """

    def __init__(self, shape: BlockShape, *, kv_heads: int = 0) -> None:
        super().__init__()
        self.head_dim, kv_dim = shape.head_dim, (kv_heads or shape.kv_heads) * shape.head_dim
        self.q = ElasticLinear(shape.embed_dim, shape.attention_dim)
        self.k = ElasticLinear(shape.embed_dim, kv_dim)
        self.v = ElasticLinear(shape.embed_dim, kv_dim)
        self.out = ElasticLinear(shape.attention_dim, shape.embed_dim)

    def qkv(self, x_BLD: Tensor, num_heads: int, kv_heads: int, precision: str) -> tuple[Tensor, Tensor, Tensor]:
        """Project to ``(B, H, L, K)`` and twice ``(B, G, L, K)``; they share one quantised input."""
        x_BLD = self.q.simulate_input(x_BLD, precision)

        def heads(linear: ElasticLinear, count: int) -> Tensor:
            y_BLE = linear(x_BLD, count * self.head_dim, precision, input_simulated=True)
            return torch.unflatten(y_BLE, -1, (count, self.head_dim)).transpose(1, 2)

        return heads(self.q, num_heads), heads(self.k, kv_heads), heads(self.v, kv_heads)


@dataclass(frozen=True, kw_only=True, slots=True)
class MixerCall:
    """What a token mixer is called with besides the tokens.

    Parameters
    ----------
    precision
        That of its linear layers.
    mask_BL
        True for real tokens, False for padding; ``None`` without padding, as always on a grid and token by token. Real
        tokens come first and there is at least one, so a causal form may ignore the mask. Padding never influences the
        results at real tokens; its own results are finite and mean nothing.
    num_heads
        Number of heads, where ``spec.has_heads``.
    projections
        Those of the layer, where ``spec.shares_projections``.
    """

    precision: str = FLOAT
    mask_BL: Tensor | None = None
    num_heads: int = 0
    projections: Projections | None = None

    @property
    def shared(self) -> Projections:
        """The layer's projections, of a mixer that shares them."""
        if self.projections is None or self.num_heads < 1:
            raise ValueError(
                "a mixer without projections and heads, which spec.shares_projections and spec.has_heads give"
            )
        return self.projections

    def qkv(self, x_BLD: Tensor, *, kv_heads: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Project to q ``(B, H, L, K)``, k and v, ``(B, G, L, K)`` each; by default they have all heads."""
        return self.shared.qkv(x_BLD, self.num_heads, kv_heads or self.num_heads, self.precision)

    def merge(self, y_BHLK: Tensor, embed_dim: int) -> Tensor:
        """Concatenate the heads and project to ``(B, L, D)``."""
        return self.shared.out(y_BHLK.transpose(1, 2).flatten(2), embed_dim, self.precision)

    def merge_gated(self, y_BHLK: Tensor, x_BLD: Tensor, gate: ElasticLinear) -> Tensor:
        """Concatenate the heads, multiply by ``silu(gate(x))`` and project to ``(B, L, D)``."""
        y_BLE = y_BHLK.transpose(1, 2).flatten(2)
        del y_BHLK
        gate_BLE = F.silu(gate(x_BLD, y_BLE.shape[-1], self.precision))
        return self.shared.out(y_BLE * gate_BLE, x_BLD.shape[-1], self.precision)


class TokenMixer(nn.Module):
    """Mixes information between tokens; the layer adds the norm before and the residual around it.

    A causal mixer runs in two ways, equal in their results: :meth:`forward` on all tokens at once (training, prefill),
    and :meth:`step` on one token after the other with a state of fixed size (decoding).
    """

    spec: ClassVar[BlockSpec]
    reads_shorter: ClassVar[bool] = False  # sequences than it was made for, to the same result

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Map ``(B, L, D)`` to ``(B, L, D)`` for any D and H up to the constructed ones."""
        raise NotImplementedError

    def initial_state(
        self,
        batch_size: int,
        *,
        embed_dim: int,
        num_heads: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> State:
        """Return the state before the first token, zeros of the shapes of ``spec.state``. Causal mixers only."""
        shapes = self.spec.state(replace(self.shape, embed_dim=embed_dim, num_heads=num_heads))
        kinds = (torch.int8 if isinstance(shape, Int8) else dtype for shape in shapes)
        return tuple(torch.zeros(batch_size, *s, dtype=k, device=device) for s, k in zip(shapes, kinds, strict=True))

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Mix one more token: return its result ``(B, 1, D)`` and the new state, the given one left unchanged.

        ``position`` is the number of tokens before this one, an int64 without axes. Causal mixers only.
        """
        raise NotImplementedError


class AttentionMixer(TokenMixer):
    """A token mixer that is a function of shared q, k and v: it projects, attends and finishes.

    With the option ``kv_heads`` keys and values have fewer heads, each of which serves as many queries' heads: the
    first ones the first. That is what the cache holds; the parallel form repeats them. With rotary ``positions``
    queries and keys are turned by their places before they attend, and before they are kept. With an int8 ``cache``
    keys and values are kept as integers, and attend as these say in both forms.
    """

    def __init__(self, shape: BlockShape) -> None:
        super().__init__(shape)
        self._own_kv_heads = 0 if shape.options.get("kv_heads", "all") == "all" else shape.kv_heads
        self.places_2LP: Tensor | None
        speed_P = rotary_speeds(shape.head_dim, float(shape.options.get("base", BASE))) if rotary(shape) else None
        waves_2LP = None if speed_P is None else waves_of(shape.task.seq_len, speed_P)
        self.register_buffer("places_2LP", waves_2LP, persistent=False)
        self._int8 = int8_cache(shape)

    def prepare(
        self, q_BHLK: Tensor, k_BGLK: Tensor, v_BGLK: Tensor, mask_BL: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k and v as they attend, before heads of keys and values are repeated; a step does so on its own."""
        if self.places_2LP is not None:
            place_2LP = prefix(self.places_2LP, 2, q_BHLK.shape[2])
            q_BHLK = turned(q_BHLK, place_2LP)
            k_BGLK = turned(k_BGLK, place_2LP)
        return q_BHLK, k_BGLK, v_BGLK

    def attend(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, mask_BL: Tensor | None = None) -> Tensor:
        """Return the mixed values ``(B, H, L, K)``; the mask is that of the call."""
        raise NotImplementedError

    def attend_step(
        self, q_BH1K: Tensor, k_BH1K: Tensor, v_BH1K: Tensor, state: State, *, position: Tensor
    ) -> tuple[Tensor, State]:
        """Return the mixed values of one more token, ``(B, H, 1, K)``, and the new state, as in :meth:`step`.

        Where keys have G heads, it gets and returns ``(B, G, R, K)``: the queries of one head of keys together.
        """
        raise NotImplementedError

    def forward(self, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Project, attend, finish."""
        return self.finish(self.attend(*self._full_qkv(x_BLD, call), call.mask_BL), x_BLD, call)

    def step(self, x_B1D: Tensor, state: State, call: MixerCall, *, position: Tensor) -> tuple[Tensor, State]:
        """Project, attend, finish."""
        heads = self.kv_heads(call.num_heads)
        q_BH1K, k_BG1K, v_BG1K = call.qkv(x_B1D, kv_heads=heads)
        if self.places_2LP is not None:
            place_21P = self.places_2LP.index_select(1, position.reshape(1))
            q_BH1K, k_BG1K = turned(q_BH1K, place_21P), turned(k_BG1K, place_21P)
        if heads == call.num_heads:
            y_BH1K, state = self.attend_step(q_BH1K, k_BG1K, v_BG1K, state, position=position)
            return self.finish(y_BH1K, x_B1D, call), state
        grouped = (heads, call.num_heads // heads)
        q_BGRK = torch.unflatten(q_BH1K.squeeze(2), 1, grouped)
        y_BGRK, state = self.attend_step(q_BGRK, k_BG1K, v_BG1K, state, position=position)
        return self.finish(y_BGRK.flatten(1, 2)[:, :, None], x_B1D, call), state

    def kv_heads(self, num_heads: int) -> int:
        """Return how many heads keys and values have beside so many heads of queries."""
        return self._own_kv_heads or num_heads

    def _full_qkv(self, x_BLD: Tensor, call: MixerCall) -> tuple[Tensor, Tensor, Tensor]:
        """Return q, k and v, ``(B, H, L, K)`` each."""
        heads = self.kv_heads(call.num_heads)
        q_BHLK, k, v = call.qkv(x_BLD, kv_heads=heads)
        q_BHLK, k, v = self.prepare(q_BHLK, k, v, call.mask_BL)
        if self._int8:
            k, v = through_int8(k), through_int8(v)
        if heads != call.num_heads:
            k, v = repeated(k, call.num_heads // heads), repeated(v, call.num_heads // heads)
        return q_BHLK, k, v

    def finish(self, y_BHLK: Tensor, x_BLD: Tensor, call: MixerCall) -> Tensor:
        """Map mixed values to ``(B, L, D)``, given the mixer's input: merge the heads."""
        return call.merge(y_BHLK, x_BLD.shape[-1])


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
        """Map ``(B, *input_shape)`` to ``(B, L, D)``; int64 ids where the task has a vocabulary, else floats."""
        raise NotImplementedError

    def mask(self, batch: Tensor) -> Tensor | None:
        """Return ``(B, L)``, True for real tokens, where the task is padded; else ``None``."""
        return None

    def step(self, batch_B1: Tensor, *, embed_dim: int, position: Tensor) -> Tensor:
        """Map the next input to one token ``(B, 1, D)``; ``position`` as in :meth:`TokenMixer.step`."""
        raise NotImplementedError

    def deploy(self) -> None:
        """Hold the weights as they are deployed, no longer trainable; they stay as they are by default."""

    def restore(self, outputs: Tensor, batch: Tensor) -> Tensor:
        """Undo on the head's outputs what the stem did to the inputs, or add to them; nothing by default."""
        return outputs


class Head(nn.Module):
    """Turns the last tokens into the task's outputs, the final norm included."""

    spec: ClassVar[BlockSpec]

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x_BLD: Tensor, *, mask_BL: Tensor | None = None) -> Tensor:
        """Map ``(B, L, D)`` to the outputs, ``(B, O)`` for a whole example; the mask is that of the mixers."""
        raise NotImplementedError


def deployed(module: Module) -> Module:
    """Bring a network or a block, in place, to the form that runtimes and exporters take: :meth:`Stem.deploy`."""
    for part in module.modules():
        if isinstance(part, Stem):
            part.deploy()
    return module
