"""What a block declares of itself, free of torch: its rules, its runtimes and what it costs.

A block is a stem, a token mixer, a channel mixer or a head. Its one file in ``supernet/`` holds both this declaration
and the module; the packages that must not import torch get the declarations through a :class:`Catalogue`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from search_space.architecture import IDENTITY
from search_space.errors import ConfigError
from search_space.norm import Norm
from search_space.options import Scalar
from search_space.precision import FLOAT, FLOAT_BYTES, FORMATS

__all__ = [
    "BlockShape",
    "BlockSpec",
    "Catalogue",
    "Cost",
    "Int8",
    "Kind",
    "LinearShape",
    "Scalar",
    "StateShapes",
    "TaskShape",
    "state_bytes",
]

Kind = Literal["stem", "mixer", "channel_mixer", "head"]
StateShapes = tuple[tuple[int, ...], ...]
"""The shapes of several tensors of one example: of 32-bit numbers, or of 8-bit integers where one is :class:`Int8`."""


class Int8(tuple[int, ...]):
    """The shape of a tensor of 8-bit integers."""

    __slots__ = ()


def state_bytes(shapes: StateShapes) -> int:
    """Return the bytes of tensors of one example."""
    return sum(math.prod(shape) * (1 if isinstance(shape, Int8) else 4) for shape in shapes)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskShape:
    """What a network reads and writes, and the tokens in between.

    Parameters
    ----------
    input_shape
        Of one example.
    num_outputs
        Numbers that the head gives: for an example, for each token (``language_model``) or each series (``forecast``).
    seq_len
        Number of tokens, padding included.
    grid
        The (height, width) of the tokens where they form one.
    causal
        Whether no token may see the ones after it.
    vocab_size
        Number of token ids where the input consists of ids, else 0.
    padded
        Whether examples are shorter than ``seq_len`` and end in padding: id 0, or steps of zeros.
    stem, head
        Registry keys.
    categories
        Of each column of a table, how many codes it has; 0 for a number. Columns of numbers come first.
    """

    input_shape: tuple[int, ...]
    num_outputs: int
    seq_len: int
    grid: tuple[int, int] | None = None
    causal: bool = False
    vocab_size: int = 0
    padded: bool = False
    stem: str = "patch"
    head: str = "pooled"
    categories: tuple[int, ...] = field(default=(), repr=False)  # so that hashes of other tasks stay what they were


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockShape:
    """All sizes a block needs to be built or costed; ``hidden_dim`` is 0 but for channel mixers."""

    task: TaskShape
    embed_dim: int
    head_dim: int
    num_heads: int = 0
    hidden_dim: int = 0
    norm: Norm = field(default_factory=Norm)
    options: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def attention_dim(self) -> int:
        """Width of all heads together."""
        return self.num_heads * self.head_dim

    @property
    def kv_heads(self) -> int:
        """Number of heads of keys and values: the option ``kv_heads`` of a block that has it, else all."""
        own = self.options.get("kv_heads", "all")
        return self.num_heads if own == "all" else int(own)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearShape:
    """One linear layer applied to ``tokens`` vectors of one example."""

    in_features: int
    out_features: int
    tokens: int
    bias: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a block costs for one example; what is computed of its weights alone, as a model is loaded, not included.

    Parameters
    ----------
    linears
        Its linear layers: the only weights that a precision format changes.
    other_params
        Parameters that always stay float (norms, convolutions, positions), biases of ``linears`` not included.
    other_flops
        Floating point operations outside the linears, as ``torch.utils.flop_counter`` counts them (a multiply-add is
        two; element-wise work is zero).
    peak_activations
        Largest number of float values alive at one moment inside the block, its input and residual included.
    constants
        Float values that are stored beside the weights and never trained: masks, decays. ONNX stores the triangular
        mask of a causal softmax as well.
    int8_params
        Parameters that are always stored as 8-bit integers, whose scales count among the constants.
    """

    linears: tuple[LinearShape, ...] = ()
    other_params: int = 0
    other_flops: int = 0
    peak_activations: int = 0
    constants: int = 0
    int8_params: int = 0

    @property
    def params(self) -> int:
        """Number of parameters."""
        own = self.other_params + self.int8_params
        return own + sum(w.out_features * (w.in_features + w.bias) for w in self.linears)

    @property
    def flops(self) -> int:
        """Floating point operations for one example; a multiply-add is two."""
        return self.other_flops + sum(2 * w.tokens * w.in_features * w.out_features for w in self.linears)

    def size_bytes(self, precision: str, float_precision: str) -> int:
        """Bytes of the stored weights and constants under a sub-block precision and the network's float precision."""
        width = FLOAT_BYTES[float_precision]
        size = width * (self.other_params + self.constants + sum(w.out_features * w.bias for w in self.linears))
        size += self.int8_params
        for w in self.linears:
            if precision == FLOAT:
                size += width * w.in_features * w.out_features
            else:
                size += FORMATS[precision].weight_bytes(w.in_features, w.out_features)
        return size


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockSpec:
    """The declaration of one block.

    Parameters
    ----------
    key
        Registry key and file name.
    cost
        From the sizes to the cost of one example, residual and norm included: a layer norm, before the residual
        branches off (``Geometry.cost`` changes that for a space with another).
    state
        From the sizes to the shapes of the tensors that a causal mixer remembers of one example when it decodes.
    bidirectional, causal
        Which forms exist.
    needs_grid
        Whether tokens must form a (height, width) grid.
    has_heads, has_ratio, has_linears
        Which genes matter: the number of heads, the hidden ratio, the precision.
    length_bound
        Whether it computes something else of a text where the task's sequence is shorter, though only padding is gone.
    per_token
        Whether a head gives outputs of every token, in place of those of an example.
    has_norm
        Whether it contains, or its sub-block adds, a norm over the features of a token.
    shares_projections
        Whether it uses the layer's shared q, k, v and out projections.
    extra_tokens
        Tokens that a stem puts before those of the task, which then form no grid.
    options
        Names and defaults of what a space may set: one value, or for a mixer or channel mixer a list that is searched.
    option_choices
        All values of those options that have few.
    later_options
        Those of the options that a space leaves out at their default, for they came later: it stays the same space.
    nested_options
        Those of the options that size weights which are used by their prefix: where a space searches one, a smaller
        block is a part of the largest one. Weights whose sizes differ by any other option are apart from each other,
        and all that are alike are shared.
    settled
        Returns those options that the block takes otherwise at its sizes, as it takes them: a rank is no larger than
        the sequence is long. Blocks whose options settle at the same are one block.
    check
        Returns what is wrong with the sizes, or ``None`` (a window that does not divide the grid, say).
    runtimes
        Families of runtimes that execute it correctly; a test proves each.
    version
        Of what it computes and costs: raise it with any change of either, and what was measured or trained with the
        version before is not reused.
    """

    key: str
    kind: Kind
    cost: Callable[[BlockShape], Cost]
    paper: str
    state: Callable[[BlockShape], StateShapes] = lambda shape: ()
    bidirectional: bool = True
    causal: bool = True
    needs_grid: bool = False
    has_heads: bool = False
    has_ratio: bool = False
    has_linears: bool = True
    has_norm: bool = True
    length_bound: bool = False
    per_token: bool = False
    shares_projections: bool = False
    extra_tokens: int = 0
    options: Mapping[str, Scalar] = field(default_factory=dict)
    option_choices: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    later_options: frozenset[str] = frozenset()
    nested_options: frozenset[str] = frozenset()
    settled: Callable[[BlockShape], Mapping[str, Scalar]] = lambda shape: {}
    check: Callable[[BlockShape], str | None] = lambda shape: None
    runtimes: frozenset[str] = frozenset({"onnxruntime", "openvino", "torch"})
    version: int = 1

    @property
    def skips(self) -> bool:
        """Whether it computes nothing, so that a layer with it skips its sub-block."""
        return self.key == IDENTITY


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """Every declared block by kind and key."""

    stems: Mapping[str, BlockSpec]
    mixers: Mapping[str, BlockSpec]
    channel_mixers: Mapping[str, BlockSpec]
    heads: Mapping[str, BlockSpec]

    def spec(self, kind: Kind, key: str) -> BlockSpec:
        """Return the declaration of one block; raises ``ConfigError`` for an unknown key."""
        tables = {"stem": self.stems, "mixer": self.mixers, "channel_mixer": self.channel_mixers, "head": self.heads}
        if key not in tables[kind]:
            raise ConfigError(
                kind,
                expected=f"one of {', '.join(sorted(tables[kind]))}",
                got=repr(key),
                remedy="correct the name or add its file",
            )
        return tables[kind][key]
