"""Gated linear attention against the paper's recurrence, run from one end or from both."""

import math

import numpy as np
import pytest
import torch

from hardware_profiles import RUNTIMES
from search_space import Block, Geometry
from supernet import block_module
from supernet.blocks import MixerCall
from tests.contracts.live_memory import peak_values
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import HEAD_DIM, assert_same, build, build_projections, from_rows, heads, normal, shape_of


def naive(q, k, v, g, *, causal, lengths=None):
    """S_i = diag(exp g_i) S_(i-1) + k_i v_i^T; o_i = S_i^T q_i / sqrt(K), both ways but for i itself."""
    num_heads, length = q.shape[1:3]

    def passed(b, h, order, *, sees_itself):
        state, out = torch.zeros(HEAD_DIM, HEAD_DIM, dtype=q.dtype), {}
        for i in order:
            faded = torch.exp(g[b, h, i])[:, None] * state
            state = faded + torch.outer(k[b, h, i], v[b, h, i])
            out[i] = (state if sees_itself else faded).T @ q[b, h, i] / math.sqrt(HEAD_DIM)
        return out

    def rows(b, h):
        real = length if causal or lengths is None else lengths[b]
        total = passed(b, h, range(real), sees_itself=True)
        if not causal:
            back = passed(b, h, reversed(range(real)), sees_itself=False)
            total = {i: total[i] + back[i] for i in total}
        return [total.get(i, torch.zeros(HEAD_DIM, dtype=q.dtype)) for i in range(length)]

    return from_rows([[rows(b, h) for h in range(num_heads)] for b in range(len(q))])


def log_decays(length, *, scale=1.0):
    return (-normal(2, 2, length, HEAD_DIM, seed=7).detach().abs() * scale).requires_grad_()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length, chunk", [(1, 4), (4, 4), (5, 8), (6, 3), (13, 2)])
def test_equals_the_recurrence(causal, length, chunk):
    mixer = build("gated_linear", shape_of(seq_len=length, causal=causal, options={"chunk": chunk}))
    inputs = (*heads(length), log_decays(length))
    assert_same(mixer.attend, lambda *t: naive(*t, causal=causal), *inputs)


def test_padding_is_not_there():
    mixer, inputs = build("gated_linear", shape_of(seq_len=7, options={"chunk": 3})), (*heads(7), log_decays(7))
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    y, expected = mixer.attend(*inputs, mask), naive(*inputs, causal=False, lengths=[7, 4])
    for b, length in enumerate((7, 4)):
        torch.testing.assert_close(y[b, :, :length], expected[b, :, :length], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("causal", [False, True])
def test_the_layer_is_decays_norm_and_gate(causal):
    shape = shape_of(seq_len=5, causal=causal, num_heads=2, options={"chunk": 2, "rank": 3, "temperature": 5})
    mixer, projections = build("gated_linear", shape), build_projections(shape)

    def layer(x):
        q, k, v = (
            (x @ p.weight.T + p.bias).view(2, 5, 2, HEAD_DIM).transpose(1, 2)
            for p in (projections.q, projections.k, projections.v)
        )
        z = x @ mixer.decay_in.weight.T @ mixer.decay_out.weight.T + mixer.decay_out.bias
        g = -torch.log(1 + torch.exp(-z)) / 5
        o = naive(q, k, v, g.view(2, 5, 2, HEAD_DIM).transpose(1, 2), causal=causal)
        centred = o - o.mean(-1, keepdim=True)
        o = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
        gate = x @ mixer.gate.weight.T + mixer.gate.bias
        merged = torch.cat(list(o.unbind(1)), -1)
        return (gate / (1 + torch.exp(-gate)) * merged) @ projections.out.weight.T + projections.out.bias

    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=2, projections=projections)),
        layer,
        normal(2, 5, 6),
        parameters=(*projections.parameters(), *mixer.parameters()),
    )


def test_decodes_what_it_computes_at_once():
    shape = shape_of(seq_len=7, causal=True, num_heads=2, options={"chunk": 3})
    mixer, projections, x = build("gated_linear", shape), build_projections(shape), normal(2, 7, 6)
    y = token_by_token(mixer, x, num_heads=2, projections=projections)
    torch.testing.assert_close(y, mixer(x, MixerCall(num_heads=2, projections=projections)), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fastest_decay_stays_in_the_range_of_floats(dtype):
    shape = shape_of(seq_len=64, num_heads=2)
    mixer, projections = build("gated_linear", shape).float(), build_projections(shape).float()
    with torch.no_grad():
        mixer.decay_out.bias.fill_(-1e6)
    x = normal(2, 64, 6).float().detach().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = mixer(10 * x, MixerCall(num_heads=2, projections=projections))
    y.float().sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in mixer.parameters())


@pytest.mark.parametrize("causal", [False, True])
def test_memory_grows_with_the_length_alone(causal):
    def peak(length):
        mixer = build("gated_linear", shape_of(seq_len=length, causal=causal)).float()
        mixer.forward = lambda x: mixer.attend(x, x, x, -x.abs())
        return peak_values(mixer, normal(1, 2, length, 4).detach().float()).peak

    assert peak(4096) == pytest.approx(4 * peak(1024), rel=0.02)


def test_decays_near_zero_are_exported_as_they_are_computed():
    """Trained gates forget at once in places, where ONNX Runtime's sigmoid stays at that of -18."""
    geometry = Geometry(task=shape_of(seq_len=24, causal=True).task, head_dim=HEAD_DIM)
    block = Block(kind="mixer", key="gated_linear", embed_dim=16, num_heads=2)
    module = block_module(block, geometry, generator=torch.Generator().manual_seed(0))
    (decay_out,) = (part for name, part in module.named_modules() if name.endswith("decay_out"))
    with torch.no_grad():
        decay_out.bias.fill_(-40.0)
    example = torch.randn(1, 24, 16, generator=torch.Generator().manual_seed(1))
    executable = RUNTIMES["onnxruntime"].compile(module.eval(), example, policy={}, threads=1)
    with torch.inference_mode():
        expected = module(example).numpy()
    np.testing.assert_allclose(executable.run(example.numpy()), expected, atol=1e-4)
