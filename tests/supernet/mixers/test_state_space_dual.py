"""State space duality against its recurrence, token by token, and against the mixer of Mamba-2."""

from __future__ import annotations

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.mixers.short_filters import filtered_heads
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of

HEADS, WIDTH = 2, 8


def built(length, **options):
    shape = shape_of(seq_len=length, causal=True, embed_dim=WIDTH, num_heads=HEADS, options=options)
    return build("state_space_dual", shape), build_projections(shape)


def recurrence(mixer, projections):
    def run(x):
        q, k, v = filtered_heads(x, projections, mixer.heads, HEADS)
        steps = torch.log1p(torch.exp(x @ mixer.rates.weigh.weight.T + mixer.rates.bias))
        gate = x @ mixer.gate.weight.T + mixer.gate.bias
        gate = (gate * gate.sigmoid()).unflatten(2, (HEADS, HEAD_DIM))
        state, rows = torch.zeros(len(x), HEADS, HEAD_DIM, HEAD_DIM, dtype=x.dtype), []
        for t in range(x.shape[1]):
            fade = torch.exp(-steps[:, t] * mixer.rates.log_rate.exp())
            added = torch.einsum("bh,bhk,bhv->bhkv", steps[:, t], k[:, t], v[:, t])
            state = fade[..., None, None] * state + added
            y = torch.einsum("bhkv,bhk->bhv", state, q[:, t]) + mixer.skip[:, None] * v[:, t]
            y = y * gate[:, t]
            y = y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt()
            rows.append(y.flatten(1) * mixer.scale)
        return torch.stack(rows, 1) @ projections.out.weight.T + projections.out.bias

    return run


@pytest.mark.parametrize("length, chunk", [(1, 4), (5, 8), (8, 4), (13, 4), (11, 2)])
def test_equals_the_recurrence(length, chunk):
    mixer, projections = built(length, chunk=chunk, kernel=3)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=HEADS, projections=projections)),
        recurrence(mixer, projections),
        normal(2, length, WIDTH),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


def test_equals_the_mixer_of_mamba_2():
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    mixer, projections = built(13, chunk=4)
    config = transformers.Mamba2Config(
        hidden_size=WIDTH,
        num_heads=HEADS,
        head_dim=HEAD_DIM,
        expand=1,
        n_groups=HEADS,
        state_size=HEAD_DIM,
        chunk_size=4,
        use_bias=True,
        num_hidden_layers=1,
    )
    reference = Mamba2Mixer(config, layer_idx=0).double().eval()
    inputs, order = [mixer.gate, projections.v, projections.k, projections.q], (2, 1, 0)
    with torch.no_grad():
        rates = torch.zeros(HEADS, dtype=torch.float64)  # of the projection: the bias of the steps is a parameter there
        reference.in_proj.weight.copy_(torch.cat([*(p.weight for p in inputs), mixer.rates.weigh.weight]))
        reference.in_proj.bias.copy_(torch.cat([*(p.bias for p in inputs), rates]))
        reference.conv1d.weight.copy_(torch.cat([mixer.heads.filters[i].filters[..., 0] for i in order]))
        reference.conv1d.bias.copy_(torch.cat([mixer.heads.filters[i].bias for i in order]))
        reference.dt_bias.copy_(mixer.rates.bias)
        reference.A_log.copy_(mixer.rates.log_rate)
        reference.D.copy_(mixer.skip)
        reference.norm.weight.copy_(mixer.scale)
        reference.out_proj.load_state_dict(projections.out.state_dict())
        x = normal(2, 13, WIDTH)
        y = mixer(x, MixerCall(num_heads=HEADS, projections=projections))
        torch.testing.assert_close(y, reference(x), rtol=0, atol=1e-5)  # the reference computes in float32 in places
