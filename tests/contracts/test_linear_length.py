"""Mixers that say that they are linear in length hold nothing of the size of all pairs of tokens."""

import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from search_space import Block, Geometry, TaskShape
from supernet.catalogue import catalogue
from supernet.catalogue.listing import catalogue_rows
from supernet.extract import block_module
from tests.contracts.live_memory import peak_values

LENGTH = 4096
LINEAR = {row.key for row in catalogue_rows() if row.kind == "mixer" and row.growth <= 1.0 and row.params}
SCANNED = {("retention", True), ("gated_delta", True)}  # whose chunks add little to a growth of one
FORMS = [
    (key, causal)
    for key, spec in catalogue().mixers.items()
    for causal in (False, True)
    if (key in LINEAR or (key, causal) in SCANNED) and (spec.causal if causal else spec.bidirectional)
]


def block_of(key: str, causal: bool):
    side = math.isqrt(LENGTH)
    spec = catalogue().mixers[key]
    task = TaskShape(
        input_shape=(LENGTH,),
        num_outputs=2,
        seq_len=LENGTH,
        grid=(side, side) if spec.needs_grid else None,
        causal=causal,
        vocab_size=8,
        stem="tokens",
    )
    few = {"selective_scan": {"states": 2}}  # numbers that each feature has at every token
    geometry = Geometry(task=task, head_dim=8, options=few)
    block = Block(kind="mixer", key=key, embed_dim=16, num_heads=2 if spec.has_heads else 0)
    return geometry, block


def test_the_linear_mixers_of_the_catalogue_are_here():
    assert {"linear", "cosformer", "linformer", "gated_linear", "retention", "sliding_window"} <= {k for k, _ in FORMS}


@pytest.mark.parametrize("key, causal", FORMS)
def test_no_tensor_of_all_pairs(key, causal):
    geometry, block = block_of(key, causal)
    module = block_module(block, geometry, generator=torch.Generator().manual_seed(0))
    x = torch.randn(1, LENGTH, 16)
    seen = peak_values(module, x)
    constants = sum(t.numel() for t in module.buffers())
    assert seen.peak + constants < LENGTH**2 / 4, seen.at_peak
    cost = geometry.cost(block, catalogue())
    assert cost.peak_activations == pytest.approx(seen.peak, rel=0.2)
    # The fused kernel is invisible to the counter; the plain one does the same products.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module(x)
    assert cost.flops == counter.get_total_flops()
