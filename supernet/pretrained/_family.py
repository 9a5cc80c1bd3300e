"""What a family of checkpoints says of itself, and its weights in our names.

A family's one file reads a kind of checkpoint and ends with ``FAMILY = Family(...)``; its file name is the
``model_type`` of the checkpoints' ``config.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from search_space import Norm, Scalar
from supernet.pretrained._source import Settings, Tensors

__all__ = ["ACTIVATIONS", "Family", "Form", "Weights"]

ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}
"""The activations of checkpoints, and what our ``mlp`` calls them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """A checkpoint's network in the words of a space and its task.

    Parameters
    ----------
    hidden_dim
        Hidden width of each channel mixer.
    kv_heads
        Heads of keys and values; 0 for as many as there are of queries.
    stem, mixer, channel_mixer
        The blocks it consists of.
    heads
        Those that read its last layer; the first one is its own.
    options
        The constants of those blocks, by block.
    head_options
        The constants of its heads, by head.
    padding
        The id of padding, of a network over ids; ours is 0, so another one needs a tokenizer, which numbers anew.
    max_tokens
        Longest input it has positions for, or ``None``.
    vocab_size, input_shape
        Of a network over ids, or over images; else 0 and ``None``.
    """

    embed_dim: int
    depth: int
    num_heads: int
    head_dim: int
    hidden_dim: int
    stem: str
    mixer: str
    channel_mixer: str
    heads: tuple[str, ...]
    norm: Norm
    causal: bool
    kv_heads: int = 0
    options: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    head_options: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    padding: int = 0
    max_tokens: int | None = None
    vocab_size: int = 0
    input_shape: tuple[int, ...] | None = None

    @property
    def attention_dim(self) -> int:
        """Width of all heads together."""
        return self.num_heads * self.head_dim

    @property
    def queries_per_key(self) -> int:
        """How many heads of queries each head of keys and values serves."""
        return self.num_heads // (self.kv_heads or self.num_heads)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """All weights of a network, by the names of our parameters.

    Parameters
    ----------
    stem
        As in the module of that name.
    heads
        By the names of heads, as in the modules of those names; one without ``project`` has none that fits.
    layers
        For each layer ``mixer_norm``, ``q``, ``k``, ``v``, ``out``, ``channel_norm``, ``up``, ``down`` and, where there
        is one, ``gate``, each followed by ``.weight`` or ``.bias``. Each head of ``k`` and ``v`` serves as many
        heads of ``q``, in a row.
    """

    stem: Mapping[str, Tensor]
    layers: tuple[Mapping[str, Tensor], ...]
    heads: Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """How checkpoints of one ``model_type`` are read.

    Parameters
    ----------
    form
        From ``config.json`` to the form; raises ``CheckpointError`` for what we do not compute.
    weights
        From the tensors and the form to the weights; raises ``CheckpointError`` for one missing or of a wrong shape.
    """

    form: Callable[[Settings], Form]
    weights: Callable[[Tensors, Form], Weights]
