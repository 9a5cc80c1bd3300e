"""The selective scan against its recurrence, token by token, and against the mixer of Mamba."""

from __future__ import annotations

import pytest
import torch

from supernet.blocks import MixerCall
from tests.supernet.mixers.short_filters import filtered
from tests.supernet.naive import assert_same, build, normal, shape_of

WIDTH, STATES = 18, 3


def built(length):
    shape = shape_of(seq_len=length, causal=True, embed_dim=WIDTH, options={"states": STATES})
    return build("selective_scan", shape)


def by_recurrence(mixer):
    def run(x):
        u = filtered(x @ mixer.up.weight.T + mixer.up.bias, mixer.filtered)
        steps = torch.log1p(torch.exp(u @ mixer.step_in.weight.T @ mixer.step_out.weight.T + mixer.step_bias))
        write, read = (u @ w.T for w in mixer.write_read.weight.split(STATES))
        gate = x @ mixer.gate.weight.T + mixer.gate.bias
        state, rows = torch.zeros(*u[:, 0].shape, STATES, dtype=x.dtype), []
        for t in range(x.shape[1]):
            fade = torch.exp(-steps[:, t, :, None] * mixer.log_rate.exp())
            state = fade * state + torch.einsum("be,be,bs->bes", steps[:, t], u[:, t], write[:, t])
            y = torch.einsum("bes,bs->be", state, read[:, t]) + mixer.skip * u[:, t]
            rows.append(y * gate[:, t] * gate[:, t].sigmoid())
        return torch.stack(rows, 1) @ mixer.down.weight.T + mixer.down.bias

    return run


@pytest.mark.parametrize("length", [2, 7, 12])
def test_equals_the_recurrence(length):
    mixer = built(length)
    inputs = normal(2, length, WIDTH)
    assert_same(lambda x: mixer(x, MixerCall()), by_recurrence(mixer), inputs, parameters=tuple(mixer.parameters()))


def test_equals_the_mixer_of_mamba():
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.mamba.modeling_mamba import MambaMixer

    mixer = built(11)
    config = transformers.MambaConfig(
        hidden_size=WIDTH, state_size=STATES, num_hidden_layers=1, use_bias=True, time_step_rank=2
    )
    reference = MambaMixer(config, layer_idx=0).double().eval()
    with torch.no_grad():
        for name in ("weight", "bias"):
            both = torch.cat([getattr(mixer.up, name), getattr(mixer.gate, name)])
            getattr(reference.in_proj, name).copy_(both)
        reference.conv1d.weight.copy_(mixer.filtered.filters[..., 0])
        reference.conv1d.bias.copy_(mixer.filtered.bias)
        reference.x_proj.weight.copy_(torch.cat([mixer.step_in.weight, mixer.write_read.weight]))
        reference.dt_proj.weight.copy_(mixer.step_out.weight)
        reference.dt_proj.bias.copy_(mixer.step_bias)
        reference.A_log.copy_(mixer.log_rate)
        reference.D.copy_(mixer.skip)
        reference.out_proj.load_state_dict(mixer.down.state_dict())
        x = normal(2, 11, WIDTH)
        # The reference computes in float32 in places.
        torch.testing.assert_close(mixer(x, MixerCall()), reference(x), rtol=0, atol=1e-5)
