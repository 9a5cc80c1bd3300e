"""The space that benchmarks share: every mixer, channel mixer and precision, 64 tokens, up to 128 wide and 6 deep."""

from __future__ import annotations

from search_space import Geometry, SearchSpace, TaskShape
from supernet import catalogue

__all__ = ["mixed_space"]


def mixed_space() -> SearchSpace:
    """Return the space over all registered blocks that know a form that is not causal."""
    blocks = catalogue()
    task = TaskShape(input_shape=(1, 32, 32), num_outputs=10, seq_len=64, grid=(8, 8))
    return SearchSpace(
        name="mixed_6_layers",
        geometry=Geometry(task=task, head_dim=32, options={"window": {"size": 4}, "sliding_window": {"width": 8}}),
        catalogue=blocks,
        embed_dim=(64, 96, 128),
        depth=(3, 4, 5, 6),
        mixer=tuple(key for key, block in blocks.mixers.items() if block.bidirectional),
        num_heads=(2, 3, 4),
        channel_mixer=tuple(blocks.channel_mixers),
        ratio=(1.0, 2.0, 3.0),
        precision=("float", "w8a8", "w8", "w4"),
    )
