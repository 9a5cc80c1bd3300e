"""Peak activations are exact, not merely close, over many sizes; and the tracker they are held to is right itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_space import Block, Geometry, TaskShape
from supernet import block_module, catalogue, example_input
from tests.contracts.live_memory import peak_values

CATALOGUE = catalogue()
OPTIONS = {
    "window": {"size": 2},
    "sliding_window": {"width": 4},
    "linear": {"chunk": 16},
    "retention": {"chunk": 16},
    "depthwise_conv": {"kernel": 5},
    "shifted_window": {"size": 2, "relative_bias": True},
    "bilevel_routing": {"size": 2, "regions": 3, "kernel": 3},
    "topk": {"keys": 5},
    "linformer": {"rank": 7},
    "cosformer": {"chunk": 16},
    "gated_linear": {"chunk": 8, "rank": 5},
    "state_space_dual": {"chunk": 8, "kernel": 3},
    "gated_delta": {"chunk": 8, "kernel": 3},
    "gated_short_conv": {"kernel": 5},
    "prefix_attention": {"chunk": 16},
    "long_conv": {"kernel": 5},
    "latent_softmax": {"rank": 20},
    "selective_scan": {"states": 3},
}
# seq_len, grid, causal, embed_dim, num_heads, head_dim, ratio: one head and many, narrow and wide, with padding or not
SIZES = [
    (64, (8, 8), False, 48, 3, 16, 1.5),
    (36, (6, 6), False, 32, 2, 8, 0.5),
    (16, (4, 4), False, 128, 1, 16, 4.0),
    (50, None, False, 64, 4, 16, 2.0),
    (65, None, False, 32, 2, 8, 1.0),
    (10, None, False, 16, 2, 8, 1.0),
    (70, None, True, 48, 3, 16, 1.0),
    (64, None, True, 32, 1, 8, 0.25),
    (48, None, True, 96, 2, 24, 3.0),
    (12, None, True, 40, 5, 8, 2.0),
]


class Chain(nn.Module):
    def forward(self, x):
        a = x + 1  # x, a
        b = torch.cat([a, a])  # x, a, b of twice the size
        del a
        c = b.view(2, -1)  # a view owns nothing
        return (c * 2).sum()  # x, b, c * 2 and the sum


def test_the_tracker_counts_storages_while_they_live():
    assert peak_values(Chain(), torch.ones(10)).peak == 10 + 20 + 20 + 1


TABLES = (CATALOGUE.stems, CATALOGUE.mixers, CATALOGUE.channel_mixers, CATALOGUE.heads)
BLOCKS = [(spec.kind, key) for table in TABLES for key, spec in table.items() if key != "identity"]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind, key", BLOCKS)
def test_peak_activations_are_exact(kind, key, size):
    length, grid, causal, width, heads, head_dim, ratio = size
    spec = CATALOGUE.spec(kind, key)
    if not (spec.causal if causal else spec.bidirectional) or (spec.needs_grid and not grid):
        pytest.skip("no such form")
    inputs = dict.fromkeys(("series", "forecast"), (48, grid[0])) if grid else {}
    inputs["series_patch"] = (4 * length, 3)
    inputs |= dict.fromkeys((key for key in CATALOGUE.stems if "tokens" in key or key == "columns"), (length,))
    task = TaskShape(
        input_shape=inputs.get(key, (3, 24, 24)),
        num_outputs=3,
        seq_len=length,
        grid=grid,
        causal=causal,
        vocab_size=11 if "tokens" in key else 0,
        categories=(0,) * (length - 3) + (2, 3, 4) if key == "columns" else (),
    )
    geometry = Geometry(task=task, head_dim=head_dim, options=OPTIONS)
    block = Block(
        kind=kind,
        key=key,
        embed_dim=width,
        num_heads=heads if spec.has_heads else 0,
        ratio=ratio if spec.has_ratio else 0.0,
    )
    if spec.kind == "stem" and spec.check(geometry.shape(block)):
        pytest.skip("no such form")
    module = block_module(block, geometry, generator=torch.Generator().manual_seed(0))
    if kind == "stem":
        example = example_input(task, batch_size=4, generator=torch.Generator().manual_seed(0))
    else:
        example = torch.ones(4, length, width)
    few, more = peak_values(module, example[:2].clone()), peak_values(module, example)
    # What two more examples add, for what is computed of weights alone is no activation.
    assert more.peak - few.peak == 2 * geometry.cost(block, CATALOGUE).peak_activations, more.at_peak
