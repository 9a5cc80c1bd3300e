"""The gated short convolution against its formula, one token at a time, and against that of LFM2."""

from __future__ import annotations

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, normal, shape_of


def by_formula(mixer, *, causal, grid=None):
    def linear(part, x):
        return x @ part.weight.T + part.bias

    def run(x):
        h = linear(mixer.gate_in, x) * linear(mixer.value, x)
        kernel, columns = mixer.filters.shape[2], grid[1] if grid else 1
        rows = []
        for t in range(x.shape[1]):
            total = torch.zeros_like(x[:, 0])
            for other in range(x.shape[1]):
                down, right = other // columns - t // columns, other % columns - t % columns
                i = kernel - 1 + down if causal else kernel // 2 + down
                j = kernel // 2 + right if grid else 0
                if 0 <= i < kernel and 0 <= j < mixer.filters.shape[3]:
                    total = total + mixer.filters[:, 0, i, j] * h[:, other]
            rows.append(linear(mixer.gate_out, x[:, t]) * total)
        return linear(mixer.out, torch.stack(rows, 1))

    return run


@pytest.mark.parametrize("causal, grid, kernel", [(True, None, 3), (False, None, 5), (False, (2, 3), 3)])
def test_equals_the_formula(causal, grid, kernel):
    mixer = build("gated_short_conv", shape_of(seq_len=6, causal=causal, grid=grid, options={"kernel": kernel}))
    naive = by_formula(mixer, causal=causal, grid=grid)
    assert_same(lambda x: mixer(x, MixerCall()), naive, normal(2, 6, 6), parameters=tuple(mixer.parameters()))


def test_equals_the_convolution_of_lfm2():
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.lfm2.modeling_lfm2 import Lfm2ShortConv

    mixer = build("gated_short_conv", shape_of(seq_len=9, causal=True))
    config = transformers.Lfm2Config(
        hidden_size=6, num_hidden_layers=1, layer_types=["conv"], conv_bias=True, num_attention_heads=2
    )
    reference = Lfm2ShortConv(config, layer_idx=0).double().eval()
    with torch.no_grad():
        inputs = (mixer.gate_in, mixer.gate_out, mixer.value)
        reference.in_proj.weight.copy_(torch.cat([p.weight for p in inputs]))
        reference.in_proj.bias.copy_(torch.cat([p.bias for p in inputs]))
        reference.conv.weight.copy_(mixer.filters[..., 0])
        reference.conv.bias.zero_()
        reference.out_proj.load_state_dict(mixer.out.state_dict())
    x = normal(2, 9, 6)
    torch.testing.assert_close(mixer(x, MixerCall()), reference(x), rtol=1e-9, atol=1e-11)
