"""Queries that share heads of keys and values: against the formula head by head, and the attention of Llama."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hardware_profiles import RUNTIMES
from search_space import Block, Geometry
from search_space.spec import state_bytes
from supernet.attention import repeated
from supernet.blocks import MixerCall
from supernet.catalogue import catalogue
from supernet.composing.steps import block_step
from supernet.extract import block_module, extract
from supernet.model import Supernet
from tests.contracts.block_cases import TASKS
from tests.contracts.live_memory import peak_values
from tests.supernet.mixers.decoding import token_by_token
from tests.supernet.naive import build, build_projections, normal, randomise, shape_of

BASE = 50.0
AS_SOFTMAX = {"sliding_window": {"width": 9}, "clipped_softmax": {"gamma": 0.0}, "topk": {"keys": 9}}


def grouped(x, projections, *, heads, groups, dim):
    """Return each query's head beside the keys and values of its group, causal, as a loop."""
    linears = (getattr(projections, name) for name in "qkv")
    q, k, v = ((x @ linear.weight.mT + linear.bias).unflatten(2, (-1, dim)) for linear in linears)
    assert k.shape[2] == groups
    rows = torch.zeros(x.shape[0], x.shape[1], heads, dim, dtype=x.dtype)
    for head in range(heads):
        group = head // (heads // groups)
        for i in range(x.shape[1]):
            scores = (k[:, : i + 1, group] * q[:, i : i + 1, head]).sum(-1) / math.sqrt(dim)
            rows[:, i, head] = (scores.softmax(-1)[..., None] * v[:, : i + 1, group]).sum(1)
    return rows.flatten(2) @ projections.out.weight.mT + projections.out.bias


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("key", ["softmax", "sliding_window", "clipped_softmax", "topk"])
def test_each_head_of_keys_serves_its_queries(key, groups):
    options = {"kv_heads": groups} | AS_SOFTMAX.get(key, {})
    shape = shape_of(seq_len=6, causal=True, embed_dim=8, num_heads=4, options=options)
    mixer, projections = build(key, shape), build_projections(shape)
    assert projections.k.weight.shape[0] == groups * shape.head_dim
    x, call = normal(2, 6, 8), MixerCall(num_heads=4, projections=projections)
    expected = grouped(x, projections, heads=4, groups=groups, dim=shape.head_dim)
    torch.testing.assert_close(mixer(x, call), expected, rtol=0, atol=1e-10)
    state, steps = mixer.initial_state(2, embed_dim=8, num_heads=4, dtype=torch.float64), []
    assert all(t.shape[1] == groups for t in state)
    for place in range(6):
        y, state = mixer.step(x[:, place : place + 1], state, call, position=torch.tensor(place))
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps, 1), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("groups", [1, 2])
def test_the_filters_of_primer_are_those_of_its_heads(groups):
    """Fewer heads are all heads whose weights and filters are alike within each group."""
    sizes = {"seq_len": 6, "causal": True, "embed_dim": 8, "num_heads": 4}
    fewer, full = shape_of(**sizes, options={"kv_heads": groups}), shape_of(**sizes)
    mixer, projections = build("primer", fewer), build_projections(fewer)
    other, others = build("primer", full), build_projections(full)

    def repeated(t, dim):
        return t.unflatten(dim, (groups, -1)).repeat_interleave(4 // groups, dim).flatten(dim, dim + 1)

    with torch.no_grad():
        for name in ("q", "out"):
            getattr(others, name).load_state_dict(getattr(projections, name).state_dict())
        for name in ("k", "v"):
            for part in ("weight", "bias"):
                getattr(getattr(others, name), part).copy_(repeated(getattr(getattr(projections, name), part), 0))
        other.filters[0] = mixer.filters[0]
        other.filters[1:] = repeated(mixer.kv_filters, 1)
    x, call = normal(2, 6, 8), MixerCall(num_heads=4, projections=projections)
    expected = other(x, MixerCall(num_heads=4, projections=others))
    torch.testing.assert_close(mixer(x, call), expected, rtol=0, atol=1e-10)
    steps = token_by_token(mixer, x, num_heads=4, projections=projections)
    torch.testing.assert_close(steps, expected, rtol=0, atol=1e-10)


def test_primer_is_cut_out_where_all_heads_have_keys_of_their_own(make_space):
    """Of the smallest network two heads of keys are all, of the largest half of them."""
    space = make_space(options={"primer": {"kv_heads": 2}}, num_heads=[2, 4], mixer=["primer"])
    supernet = randomise(Supernet(space, generator=torch.Generator().manual_seed(0)))
    images = torch.randn(2, *space.geometry.task.input_shape, generator=torch.Generator().manual_seed(1))
    for architecture in (space.smallest, space.largest):
        with torch.no_grad():
            found, expected = extract(supernet, architecture)(images), supernet(images, architecture)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("key", ["softmax", "gated_softmax", "sliding_window", "clipped_softmax", "topk"])
def test_rotary_positions_are_those_of_rotary_softmax(key):
    options = {"kv_heads": 2, "positions": "rotary"} | AS_SOFTMAX.get(key, {})
    sizes = {"seq_len": 6, "causal": True, "embed_dim": 8, "num_heads": 4}
    shape = shape_of(**sizes, options=options)
    mixer, projections = build(key, shape), build_projections(shape)
    if key == "gated_softmax":  # a gate that is always open
        mixer.gate.weight.data.zero_()
        mixer.gate.bias.data.fill_(50.0)
    reference = build("rotary_softmax", shape_of(**sizes, options={"kv_heads": 2}))
    x, call = normal(2, 6, 8), MixerCall(num_heads=4, projections=projections)
    expected = reference(x, call)
    torch.testing.assert_close(mixer(x, call), expected, rtol=0, atol=1e-10)
    steps = token_by_token(mixer, x, num_heads=4, projections=projections)
    torch.testing.assert_close(steps, expected, rtol=0, atol=1e-10)


def rounded(t):
    """Return ``(B, L, heads, K)``, each vector in steps of a 127th of its largest number."""
    step = t.abs().amax(-1, keepdim=True) / 127
    return (t / step).round() * step


@pytest.mark.parametrize(
    "key", ["softmax", "rotary_softmax", "gated_softmax", "sliding_window", "clipped_softmax", "topk", "primer"]
)
def test_a_cache_of_integers_is_that_of_rounded_keys_and_values(key):
    sizes = {"seq_len": 6, "causal": True, "embed_dim": 8, "num_heads": 4}
    options = {"kv_heads": 2} | AS_SOFTMAX.get(key, {})
    exact, kept = (build(key, shape_of(**sizes, options=options | more)) for more in ({}, {"cache": "int8"}))
    projections = build_projections(shape_of(**sizes, options=options))
    x, call = normal(2, 6, 8), MixerCall(num_heads=4, projections=projections)
    q, k, v = exact.prepare(*call.qkv(x, kv_heads=2), None)
    k, v = (repeated(rounded(t), 2) for t in (k, v))
    expected = exact.finish(exact.attend(q, k, v), x, call)
    torch.testing.assert_close(kept(x, call), expected, rtol=0, atol=1e-10)
    assert not torch.allclose(exact(x, call), expected, atol=1e-4)
    state = kept.initial_state(2, embed_dim=8, num_heads=4)
    assert [t.dtype for t in state[:4]] == [torch.int8, torch.int8, torch.float32, torch.float32]
    steps = token_by_token(kept, x, num_heads=4, projections=projections)
    torch.testing.assert_close(steps, expected, rtol=0, atol=1e-10)
    found, wanted = (torch.autograd.grad(mixer(x, call).sum(), x)[0] for mixer in (kept, exact))
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.2 * float(wanted.abs().max()))


def test_a_step_with_a_cache_of_integers_is_exported_and_priced():
    geometry = Geometry(task=TASKS["causal"], head_dim=8, options={"softmax": {"cache": "int8", "kv_heads": 1}})
    block = Block(kind="mixer", key="softmax", embed_dim=16, num_heads=2)
    step = block_step(block, geometry, generator=torch.Generator().manual_seed(0))
    example = step.example(3)
    executable = RUNTIMES["onnxruntime"].prepare_step(step, example).compile(policy={}, threads=1)
    with torch.no_grad():
        expected = step(*example.values())
    found = executable.run({name: t.numpy() for name, t in example.items()})
    for y, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(y, right.numpy(), rtol=0, atol=1e-4 if y.dtype == np.float32 else 0)
    state = geometry.state(block, catalogue())
    assert state_bytes(state) == 2 * 40 * (8 + 4) == sum(t[0].nbytes for n, t in example.items() if "state" in n)


@pytest.mark.parametrize(
    "options, words",
    [({"positions": "sine"}, "neither"), ({"positions": "rotary"}, "odd"), ({"cache": "int4"}, "float nor int8")],
)
def test_positions_that_cannot_be_are_refused(options, words):
    shape = replace(shape_of(seq_len=6, options=options), head_dim=5)
    assert words in catalogue().mixers["softmax"].check(shape)


@pytest.mark.parametrize("groups", [1, 2])
def test_equals_the_grouped_attention_of_llama(groups):
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

    config = transformers.LlamaConfig(
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=groups,
        attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": BASE},
        attn_implementation="sdpa",
    )
    reference = LlamaAttention(config, layer_idx=0).double()
    shape = shape_of(seq_len=7, causal=True, embed_dim=16, num_heads=4, options={"base": BASE, "kv_heads": groups})
    mixer, projections = build("rotary_softmax", shape), build_projections(shape)
    with torch.no_grad():
        for name in "qkv":
            getattr(reference, f"{name}_proj").load_state_dict(getattr(projections, name).state_dict())
        reference.o_proj.load_state_dict(projections.out.state_dict())
    x = normal(2, 7, 16)
    waves = LlamaRotaryEmbedding(config)(x.float(), torch.arange(7)[None])
    expected = reference(x, tuple(w.double() for w in waves), None)[0]
    torch.testing.assert_close(mixer(x, MixerCall(num_heads=4, projections=projections)), expected, rtol=0, atol=1e-6)


def test_the_cache_is_that_of_the_heads_of_keys(make_space):
    space = make_space(options={"softmax": {"kv_heads": [1, "all"]}}, num_heads=[2], mixer=["softmax"])
    geometry = Geometry.from_json(space.geometry.to_json())
    small, large = (next(b for b in space.blocks if dict(b.options) == {"kv_heads": n}) for n in (1, "all"))
    caches = [geometry.state(block, space.catalogue)[0] for block in (small, large)]
    assert caches == [(1, 16, 8), (2, 16, 8)]


@pytest.mark.parametrize(
    "key", ["softmax", "rotary_softmax", "gated_softmax", "sliding_window", "clipped_softmax", "topk", "primer"]
)
@pytest.mark.parametrize("cache", ["float", "int8"])
def test_groups_cost_what_they_hold(key, cache):
    held = {"cache": cache} if "cache" in catalogue().mixers[key].options else {}
    if cache == "int8" and not held:
        pytest.skip("no such option")
    geometry = Geometry(task=TASKS["causal"], head_dim=8, options={key: {"kv_heads": [1, 2], **held}})
    block = Block(kind="mixer", key=key, embed_dim=16, num_heads=4, options={"kv_heads": 2})
    module = block_module(block, geometry, generator=torch.Generator().manual_seed(0))
    cost = geometry.cost(block, catalogue())
    assert cost.params == sum(p.numel() for p in module.parameters())
    peak = peak_values(module, torch.randn(3, 40, 16)).peak
    assert cost.peak_activations * 3 == pytest.approx(peak, rel=0.1)
