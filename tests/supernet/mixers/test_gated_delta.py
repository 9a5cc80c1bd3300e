"""The gated delta rule against its recurrence, token by token, and against the mixer of Qwen3-Next."""

from __future__ import annotations

import math

import pytest
import torch

from supernet.blocks import MixerCall
from supernet.catalogue import MIXERS
from supernet.recurrence.triangular import block_masks, inverse
from tests.supernet.mixers.short_filters import filtered_heads
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, normal, shape_of

HEADS, WIDTH = 2, 6


def built(length, **options):
    shape = shape_of(seq_len=length, causal=True, embed_dim=WIDTH, num_heads=HEADS, options=options)
    return build("gated_delta", shape), build_projections(shape)


def unit(t):
    return t / (t.square().sum(-1, keepdim=True) + 1e-6).sqrt()


def recurrence(mixer, projections):
    def run(x):
        q, k, v = filtered_heads(x, projections, mixer.heads, HEADS)
        strength = torch.sigmoid(x @ mixer.strength.weight.T)
        fade = torch.ones_like(strength)
        if mixer.rates is not None:
            steps = torch.log1p(torch.exp(x @ mixer.rates.weigh.weight.T + mixer.rates.bias))
            fade = torch.exp(-steps * mixer.rates.log_rate.exp())
        gate = x @ mixer.gate.weight.T + mixer.gate.bias
        state, rows = torch.zeros(len(x), HEADS, HEAD_DIM, HEAD_DIM, dtype=x.dtype), []
        for t in range(x.shape[1]):
            query, key = unit(q[:, t]) / math.sqrt(HEAD_DIM), unit(k[:, t])
            state = fade[:, t, :, None, None] * state
            recalled = torch.einsum("bhkv,bhk->bhv", state, key)
            written = (v[:, t] - recalled) * strength[:, t, :, None]
            state = state + torch.einsum("bhk,bhv->bhkv", key, written)
            y = torch.einsum("bhkv,bhk->bhv", state, query)
            y = mixer.scale * y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt()
            rows.append(y.flatten(1) * gate[:, t] * gate[:, t].sigmoid())
        return torch.stack(rows, 1) @ projections.out.weight.T + projections.out.bias

    return run


@pytest.mark.parametrize("decay", [True, False])
@pytest.mark.parametrize("length, chunk", [(1, 4), (5, 8), (8, 4), (13, 3), (11, 2), (6, 1)])
def test_equals_the_recurrence(length, chunk, decay):
    mixer, projections = built(length, chunk=chunk, kernel=3, decay=decay)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=HEADS, projections=projections)),
        recurrence(mixer, projections),
        normal(2, length, WIDTH),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


def test_equals_the_mixer_of_qwen3_next():
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.qwen3_next.modeling_qwen3_next import Qwen3NextGatedDeltaNet

    mixer, projections = built(13)
    config = transformers.Qwen3NextConfig(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        layer_types=["linear_attention"],
        linear_num_key_heads=HEADS,
        linear_num_value_heads=HEADS,
        linear_key_head_dim=HEAD_DIM,
        linear_value_head_dim=HEAD_DIM,
    )
    reference = Qwen3NextGatedDeltaNet(config, layer_idx=0).double().eval()

    def by_head(*linears):
        """Return the rows of several weights, those of a head together."""
        return torch.cat([p.weight.unflatten(0, (HEADS, -1)) for p in linears], 1).flatten(0, 1)

    with torch.no_grad():
        for linear in (projections.q, projections.k, projections.v, projections.out, mixer.gate):
            linear.bias.zero_()  # there are none in the reference
        reference.in_proj_qkvz.weight.copy_(by_head(projections.q, projections.k, projections.v, mixer.gate))
        reference.in_proj_ba.weight.copy_(by_head(mixer.strength, mixer.rates.weigh))
        reference.conv1d.weight.copy_(torch.cat([f.filters[..., 0] for f in mixer.heads.filters]))
        reference.dt_bias.copy_(mixer.rates.bias)
        reference.A_log.copy_(mixer.rates.log_rate)
        reference.norm.weight.copy_(mixer.scale)
        reference.out_proj.weight.copy_(projections.out.weight)
        x = normal(2, 13, WIDTH)
        y = mixer(x, MixerCall(num_heads=HEADS, projections=projections))
        torch.testing.assert_close(y, reference(x), rtol=0, atol=1e-5)  # the reference computes in float32 in places


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 33])
def test_triangular_matrices_are_inverted_where_a_series_would_cancel(size):
    """Keys that are all alike, erased in full: powers of such a matrix have elements of up to 10^9."""
    ones, masks, eye = torch.ones(2, size, size), block_masks(size).float(), torch.eye(size)
    found = inverse(ones, masks, eye)
    torch.testing.assert_close(found, torch.linalg.inv(eye + ones.tril(-1)), rtol=0, atol=1e-6)
    random = torch.randn(2, size, size, generator=torch.Generator().manual_seed(0)).double() / 4
    found = inverse(random, masks.double(), eye.double())
    torch.testing.assert_close(found, torch.linalg.inv(eye.double() + random.tril(-1)), rtol=1e-9, atol=1e-10)


def test_a_word_for_the_decay_is_refused():
    problem = MIXERS["gated_delta"].spec.check(shape_of(seq_len=4, causal=True, options={"decay": "slow"}))
    assert problem == "decay 'slow' is neither true nor false"
