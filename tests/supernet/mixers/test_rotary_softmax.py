"""Rotary attention against rotations of single pairs as complex numbers, and against the attention of Llama."""

import math

import pytest
import torch

from search_space import BlockShape, TaskShape
from search_space.errors import SpaceError
from supernet.blocks import MixerCall
from tests.supernet.naive import assert_same, build, build_projections, from_rows, heads, normal, shape_of

BASE = 50.0


def turned(x, place):
    """Turn a head's vector: feature i and feature i + K / 2 are a complex number."""
    half = len(x) // 2
    numbers = torch.complex(x[:half], x[half:])
    angles = torch.tensor([place * BASE ** (-2 * i / len(x)) for i in range(half)], dtype=x.dtype)
    numbers = numbers * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([numbers.real, numbers.imag])


def naive(q, k, v, *, causal):
    rows = []
    for b in range(q.shape[0]):
        rows.append([])
        for h in range(q.shape[1]):
            rows[b].append([])
            for i in range(q.shape[2]):
                seen = range(i + 1 if causal else q.shape[2])
                scores = [turned(q[b, h, i], i) @ turned(k[b, h, j], j) / math.sqrt(q.shape[3]) for j in seen]
                weights = torch.stack(scores).softmax(0)
                rows[b][h].append(sum(w * v[b, h, j] for w, j in zip(weights, seen, strict=True)))
    return from_rows(rows)


@pytest.mark.parametrize("causal", [False, True])
def test_equals_rotations_of_pairs(causal):
    mixer = build("rotary_softmax", shape_of(seq_len=5, causal=causal, options={"base": BASE}))
    assert_same(
        lambda q, k, v: mixer.attend(*mixer.prepare(q, k, v, None)),
        lambda q, k, v: naive(q, k, v, causal=causal),
        *heads(5),
    )


@pytest.mark.parametrize("length", [9, 6])  # as long as the task says, and shorter
def test_equals_the_attention_of_llama(length):
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

    rope = {"rope_type": "default", "rope_theta": BASE}
    config = transformers.LlamaConfig(
        hidden_size=12, num_attention_heads=3, attention_bias=True, rope_parameters=rope, attn_implementation="sdpa"
    )
    reference = LlamaAttention(config, layer_idx=0).double()
    shape = shape_of(seq_len=9, causal=True, embed_dim=12, options={"base": BASE})
    mixer, projections = build("rotary_softmax", shape), build_projections(shape)
    with torch.no_grad():
        for name in "qkv":
            getattr(reference, f"{name}_proj").load_state_dict(getattr(projections, name).state_dict())
        reference.o_proj.load_state_dict(projections.out.state_dict())
    x = normal(2, length, 12)
    waves = LlamaRotaryEmbedding(config)(x.float(), torch.arange(length)[None])
    expected = reference(x, tuple(w.double() for w in waves), None)[0]
    torch.testing.assert_close(mixer(x, MixerCall(num_heads=3, projections=projections)), expected, rtol=0, atol=1e-6)


def test_scores_depend_on_distances_alone():
    mixer = build("rotary_softmax", shape_of(seq_len=8, options={"base": BASE}))
    q, k = normal(4, seed=1).detach(), normal(4, seed=2).detach()

    def score(i, j):
        places = torch.zeros(2, 1, 1, 8, 4, dtype=torch.float64)
        places[0, 0, 0, i], places[1, 0, 0, j] = q, k
        values = torch.zeros(1, 1, 8, 4, dtype=torch.float64)
        values[0, 0, j, 0] = 1
        y = mixer.attend(*mixer.prepare(places[0], places[1], values, None))
        return y[0, 0, i, 0]  # other keys are zero: score and weight agree

    torch.testing.assert_close(score(1, 3), score(5, 7))
    assert abs(score(1, 3) - score(1, 4)) > 1e-4


@pytest.mark.parametrize("options, words", [({"base": 1}, "base 1 is not"), ({"base": "wide"}, "base 'wide' is not")])
def test_a_base_of_no_sense_is_refused(make_space, options, words):
    with pytest.raises(SpaceError, match=words):
        make_space(mixer=["rotary_softmax"], options={"rotary_softmax": options})


def test_features_that_form_no_pairs_are_refused():
    from supernet.catalogue import MIXERS

    task = TaskShape(input_shape=(4,), num_outputs=2, seq_len=4)
    problem = MIXERS["rotary_softmax"].spec.check(BlockShape(task=task, embed_dim=6, head_dim=3, num_heads=2))
    assert problem is not None and "head_dim 3 is odd" in problem
