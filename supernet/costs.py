"""Costs that several blocks share: the norm and the residual of a sub-block, and the projections of attention."""

from __future__ import annotations

from search_space.spec import BlockShape, Cost, LinearShape

__all__ = ["attention_cost", "projection_shapes"]


def projection_shapes(shape: BlockShape) -> tuple[LinearShape, ...]:
    """Return the q, k, v and out projections."""
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    inward = LinearShape(in_features=width, out_features=inner, tokens=length)
    return (inward, inward, inward, LinearShape(in_features=inner, out_features=width, tokens=length))


def attention_cost(
    shape: BlockShape,
    *,
    attend_flops: int,
    attend_activations: int = 0,
    other_params: int = 0,
    other_linears: tuple[LinearShape, ...] = (),
) -> Cost:
    """Return the cost of norm, projections, attention and residual.

    ``attend_activations`` counts the values alive inside the attention beyond the residual, q, k, v and the result;
    ``other_linears`` are those besides the projections.
    """
    length, width, inner = shape.task.seq_len, shape.embed_dim, shape.attention_dim
    return Cost(
        linears=projection_shapes(shape) + other_linears,
        other_params=2 * width + other_params,
        other_flops=attend_flops,
        peak_activations=length * (2 * width + 4 * inner) + attend_activations,
    )
