"""Softmax attention against PyTorch's own multi-head attention, projections included."""

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, build_projections, normal, shape_of


@pytest.mark.parametrize("causal", [False, True])
def test_equals_multi_head_attention(causal):
    shape = shape_of(seq_len=7, causal=causal, embed_dim=12)
    mixer, projections = build("softmax", shape), build_projections(shape)
    reference = torch.nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    inward = (projections.q, projections.k, projections.v)
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([p.weight for p in inward]))
        reference.in_proj_bias.copy_(torch.cat([p.bias for p in inward]))
        reference.out_proj.weight.copy_(projections.out.weight)
        reference.out_proj.bias.copy_(projections.out.bias)
    mask = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=3, projections=projections)),
        lambda x: reference(x, x, x, attn_mask=mask, need_weights=False)[0],
        normal(2, 7, 12),
    )
