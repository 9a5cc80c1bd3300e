"""Comparing a fast form with a naive one, outputs and gradients, in float64; and building one block for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from search_space import BlockShape, Scalar, TaskShape
from supernet.blocks import Projections
from supernet.catalogue import CHANNEL_MIXERS, MIXERS
from supernet.elastic import reset_parameters

HEAD_DIM = 4


def shape_of(
    *,
    seq_len: int,
    grid: tuple[int, int] | None = None,
    causal: bool = False,
    embed_dim: int = 6,
    num_heads: int = 3,
    hidden_dim: int = 0,
    options: Mapping[str, Scalar] | None = None,
) -> BlockShape:
    """Return the sizes of a block; heads are ``HEAD_DIM`` wide."""
    task = TaskShape(input_shape=(seq_len,), num_outputs=2, seq_len=seq_len, grid=grid, causal=causal)
    return BlockShape(
        task=task,
        embed_dim=embed_dim,
        head_dim=HEAD_DIM,
        num_heads=num_heads,
        hidden_dim=hidden_dim,
        options=options or {},
    )


def build(key: str, shape: BlockShape) -> torch.nn.Module:
    """Return a float64 mixer or channel mixer whose every parameter, biases too, is random."""
    torch.set_default_dtype(torch.float64)
    try:
        return randomise((MIXERS if key in MIXERS and not shape.hidden_dim else CHANNEL_MIXERS)[key](shape))
    finally:
        torch.set_default_dtype(torch.float32)


def build_projections(shape: BlockShape) -> Projections:
    """Return float64 projections with random biases."""
    return randomise(Projections(shape).double())


def randomise(module: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(5)
    reset_parameters(module, generator)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn(p.shape, generator=generator, dtype=p.dtype) * 0.2)
    return module


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Return float64 normal values that want a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def heads(length: int, *, num_heads: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Return random q, k and v, ``(2, H, L, HEAD_DIM)``."""
    return tuple(normal(2, num_heads, length, HEAD_DIM, seed=seed) for seed in range(3))


def assert_same(
    fast: Callable[..., Tensor], naive: Callable[..., Tensor], *inputs: Tensor, parameters: tuple[Tensor, ...] = ()
) -> None:
    """Compare outputs and the gradients with respect to inputs and parameters."""
    results = []
    for form in (fast, naive):
        y = form(*inputs)
        cotangent = torch.randn(y.shape, generator=torch.Generator().manual_seed(9), dtype=y.dtype)
        results.append((y, *torch.autograd.grad(y, (*inputs, *parameters), cotangent)))
    for actual, expected in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11)


def from_rows(rows: list[list[list[Tensor]]]) -> Tensor:
    """Stack ``rows[b][h][i]`` of K values to ``(B, H, L, K)``."""
    return torch.stack([torch.stack([torch.stack(row) for row in head]) for head in rows])
