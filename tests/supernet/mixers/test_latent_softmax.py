"""Latent attention against its formula, one token and head at a time, and against the attention of DeepSeek-V2."""

from __future__ import annotations

import math

import pytest
import torch

from supernet.blocks import MixerCall
from supernet.catalogue import MIXERS
from tests.supernet.naive import HEAD_DIM, assert_same, build, normal, shape_of

HEADS, WIDTH, RANK, BASE = 3, 6, 5, 50.0
PART = HEAD_DIM // 2


def built(length, *, causal=True):
    options = {"rank": RANK, "base": BASE}
    return build(
        "latent_softmax",
        shape_of(seq_len=length, causal=causal, embed_dim=WIDTH, num_heads=HEADS, options=options),
    )


def turned(x, place):
    """Turn a vector of one pair."""
    number = torch.complex(x[0], x[1]) * complex(math.cos(place), math.sin(place))
    return torch.stack([number.real, number.imag])


def by_formula(mixer, *, causal):
    def linear(part, x):
        return x @ part.weight.T + part.bias

    def run(x):
        examples = []
        for tokens in x:
            c = linear(mixer.latent, tokens)
            c = c / (c.square().mean(-1, keepdim=True) + 1e-6).sqrt() * mixer.norm.weight
            keys, values = c @ mixer.key.T, c @ mixer.value.T
            queries, asked = linear(mixer.query, tokens), linear(mixer.query_turned, tokens)
            placed, rows = linear(mixer.key_turned, tokens), []
            for i in range(len(tokens)):
                heads = []
                for h in range(HEADS):
                    at, of = slice(h * HEAD_DIM, (h + 1) * HEAD_DIM), slice(h * PART, (h + 1) * PART)
                    seen = range(i + 1 if causal else len(tokens))
                    scores = [
                        queries[i, at] @ keys[j, at] + turned(asked[i, of], i) @ turned(placed[j], j) for j in seen
                    ]
                    weights = (torch.stack(scores) / math.sqrt(HEAD_DIM + PART)).softmax(0)
                    heads.append(sum(w * values[j, at] for w, j in zip(weights, seen, strict=True)))
                rows.append(torch.cat(heads))
            examples.append(linear(mixer.out, torch.stack(rows)))
        return torch.stack(examples)

    return run


@pytest.mark.parametrize("causal", [True, False])
def test_equals_the_formula(causal):
    mixer = built(5, causal=causal)
    assert_same(
        lambda x: mixer(x, MixerCall(num_heads=HEADS)),
        by_formula(mixer, causal=causal),
        normal(2, 5, WIDTH),
        parameters=tuple(mixer.parameters()),
    )


def test_equals_the_attention_of_deepseek_v2():
    transformers = pytest.importorskip("transformers", reason="the reference of this test")
    from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Attention, DeepseekV2RotaryEmbedding

    mixer = build("latent_softmax", shape_of(seq_len=9, causal=True, embed_dim=WIDTH, options={"rank": RANK}))
    config = transformers.DeepseekV2Config(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        q_lora_rank=None,
        kv_lora_rank=RANK,
        qk_nope_head_dim=HEAD_DIM,
        qk_rope_head_dim=PART,
        v_head_dim=HEAD_DIM,
        head_dim=PART,
        attention_bias=True,
        attn_implementation="sdpa",
    )
    reference = DeepseekV2Attention(config, layer_idx=0).double().eval()

    def by_head(*weights):
        """Return the rows of several weights, those of a head together."""
        return torch.cat([w.unflatten(0, (HEADS, -1)) for w in weights], 1).flatten(0, 1)

    with torch.no_grad():
        for linear in (mixer.query, mixer.query_turned):
            linear.bias.zero_()  # there is none in the reference
        reference.q_proj.weight.copy_(by_head(mixer.query.weight, mixer.query_turned.weight))
        for name in ("weight", "bias"):
            both = torch.cat([getattr(mixer.latent, name), getattr(mixer.key_turned, name)])
            getattr(reference.kv_a_proj_with_mqa, name).copy_(both)
        reference.kv_a_layernorm.weight.copy_(mixer.norm.weight)
        reference.kv_b_proj.weight.copy_(by_head(mixer.key, mixer.value))
        reference.o_proj.load_state_dict(mixer.out.state_dict())
        x = normal(2, 9, WIDTH)
        waves = DeepseekV2RotaryEmbedding(config)(x.float(), torch.arange(9)[None])
        expected = reference(x, position_embeddings=waves)[0]
        y = mixer(x, MixerCall(num_heads=HEADS))
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-5)  # the reference turns and normalises in float32


def test_decoding_keeps_the_latents_alone():
    mixer = built(9)
    state = mixer.initial_state(2, embed_dim=WIDTH, num_heads=HEADS)
    assert sum(t.numel() for t in state) == 2 * 9 * (RANK + PART) < 2 * 9 * 2 * HEADS * HEAD_DIM


@pytest.mark.parametrize("options, words", [({"base": 1}, "base 1 is not"), ({"rank": 0}, "rank 0 is not")])
def test_constants_of_no_sense_are_refused(options, words):
    assert words in MIXERS["latent_softmax"].spec.check(shape_of(seq_len=4, options=options))
