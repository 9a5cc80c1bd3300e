"""Costs that several blocks share: the norm and the residual of a sub-block, and the projections of attention.

FLOPs are those of matrix products and convolutions, as PyTorch's counter sees them; attention counts both of its
products in full, masked pairs included, as the counter does for the unfused form. Peak activations are the values that
eager PyTorch keeps alive without gradients; a kernel's own workspace does not count.
"""

from __future__ import annotations

from dataclasses import replace

from search_space.spec import BlockShape, Cost, LinearShape
from supernet.options import int8_cache, rotary

__all__ = ["Activations", "attention_cost", "fused_attention_activations", "projection_shapes"]


def projection_shapes(shape: BlockShape) -> tuple[LinearShape, ...]:
    """Return the q, k, v and out projections."""
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    inward = LinearShape(in_features=width, out_features=inner, tokens=length)
    key_value = replace(inward, out_features=shape.kv_heads * shape.head_dim)
    return (inward, key_value, key_value, LinearShape(in_features=inner, out_features=width, tokens=length))


def fused_attention_activations(shape: BlockShape) -> int:
    """Return the values that PyTorch's fused attention returns: the result, and one number a query and head."""
    return shape.task.seq_len * (shape.attention_dim + shape.num_heads)


def attention_cost(
    shape: BlockShape,
    *,
    attend_flops: int,
    attend_activations: int,
    merge_activations: int | None = None,
    held_activations: int = 0,
    other_linears: tuple[LinearShape, ...] = (),
    constants: int = 0,
) -> Cost:
    """Return the cost of norm, projections, attention, merge and residual.

    Parameters
    ----------
    shape
        The sizes of the block.
    attend_flops
        Operations between the projections.
    attend_activations
        Values alive at once while attending, besides residual, normalised input, q, k and v.
    merge_activations
        Values alive at once afterwards, besides residual and normalised input; by default the merged heads and the
        output.
    held_activations
        Values alive all the time besides residual and normalised input.
    other_linears
        Linear layers besides the projections.
    constants
        Stored values that are not trained.
    """
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    merge = length * (inner + width) if merge_activations is None else merge_activations
    # Fewer heads of keys and values are repeated by a copy; one alone is seen by all queries where it is.
    kept = length * (inner + 2 * (shape.head_dim if shape.kv_heads == 1 else inner))
    of_keys = shape.kv_heads * shape.head_dim
    preparing = 0  # before heads are repeated, beside q, k and v
    if rotary(shape):
        constants += length * shape.head_dim
        preparing = length * max(2 * inner, inner + 2 * of_keys)
    if int8_cache(shape):
        preparing = max(preparing, 4 * length * of_keys)
    attending = max(length * (inner + 2 * of_keys) + preparing, kept + attend_activations)
    return Cost(
        linears=projection_shapes(shape) + other_linears,
        other_params=2 * width,
        other_flops=attend_flops,
        constants=constants,
        peak_activations=2 * length * width + held_activations + max(attending, merge),
    )


class Activations:
    """Counts the values that are alive while a block runs, told of what it makes and drops in that order.

    ``peak`` is the largest number at one moment, ``now`` that of this one.
    """

    def __init__(self, held: int = 0) -> None:
        self.now = self.peak = held

    def make(self, *values: int) -> None:
        """Add tensors of so many values, one after the other."""
        for count in values:
            self.now += count
            self.peak = max(self.peak, self.now)

    def drop(self, *values: int) -> None:
        """Remove tensors of so many values."""
        self.now -= sum(values)

    def turn(self, before: int, after: int) -> None:
        """Make a tensor of another, which is dropped then."""
        self.make(after)
        self.drop(before)
