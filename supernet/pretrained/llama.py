"""LLaMA: a causal pre-norm transformer with root mean square norms, rotary positions, gated channel mixers.

Keys and values keep their heads, each of which may serve several heads of queries.

Papers: Touvron et al. 2023, LLaMA; Ainslie et al. 2023 (grouped queries).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from search_space import Norm
from search_space.errors import CheckpointError
from supernet.pretrained._family import Family, Form, Weights
from supernet.pretrained._source import Settings, Tensors


def form(settings: Settings) -> Form:
    """Read the sizes; positions that are scaled are refused."""
    settings.only("hidden_act", "silu", default="silu")
    heads = settings.size("num_attention_heads")
    width = settings.size("hidden_size")
    return Form(
        embed_dim=width,
        depth=settings.size("num_hidden_layers"),
        num_heads=heads,
        kv_heads=_kv_heads(settings, heads),
        head_dim=settings.size("head_dim", width // heads),
        hidden_dim=settings.size("intermediate_size"),
        stem="bare_tokens",
        mixer="rotary_softmax",
        channel_mixer="gated_mlp",
        heads=("language_model",),
        norm=Norm(kind="rmsnorm", eps=settings.number("rms_norm_eps", 1e-6)),
        causal=True,
        options={"rotary_softmax": {"base": _base(settings)}},
        vocab_size=settings.size("vocab_size"),
    )


def _kv_heads(settings: Settings, heads: int) -> int:
    """Return the number of heads of keys and values, which divides that of queries."""
    found = settings.size("num_key_value_heads", heads)
    if heads % found:
        raise CheckpointError(
            f"{settings.where}: num_key_value_heads",
            expected=f"a divisor of num_attention_heads, {heads}",
            got=str(found),
            remedy="choose a checkpoint whose config.json is that of its weights",
        )
    return found


def _base(settings: Settings) -> float:
    """Return the base of the angles from its newer or its older place."""
    for name in ("rope_parameters", "rope_scaling"):
        stored = settings.values.get(name)
        if isinstance(stored, Mapping):
            rope = Settings(stored, where=f"{settings.where}: {name}")
            rope.only("rope_type", "default", default=stored.get("type", "default"))
            rope.only("partial_rotary_factor", 1.0, default=1.0)
            if "rope_theta" in stored:
                return rope.number("rope_theta", 10000.0)
    return settings.number("rope_theta", 10000.0)


def weights(tensors: Tensors, form: Form) -> Weights:
    """Take the weights as they are; the head is the embedding where it is not stored."""
    tensors, width = tensors.without("model."), form.embed_dim
    embedding = tensors.take("embed_tokens.weight", form.vocab_size, width)
    head = tensors.take("lm_head.weight", form.vocab_size, width) if "lm_head.weight" in tensors else embedding
    return Weights(
        stem={"embedding": embedding},
        layers=tuple(_layer(tensors, f"layers.{i}", form) for i in range(form.depth)),
        heads={
            "language_model": {
                **tensors.norm("norm", "norm", width, shift=False),
                "project.weight": head,
                "project.bias": torch.zeros(form.vocab_size),
            }
        },
    )


def _layer(tensors: Tensors, name: str, form: Form) -> dict[str, Tensor]:
    width, inner, hidden = form.embed_dim, form.attention_dim, form.hidden_dim
    shared = inner // form.queries_per_key
    return {
        **tensors.norm("mixer_norm", f"{name}.input_layernorm", width, shift=False),
        **tensors.linear("q", f"{name}.self_attn.q_proj", inner, width),
        **tensors.linear("k", f"{name}.self_attn.k_proj", shared, width),
        **tensors.linear("v", f"{name}.self_attn.v_proj", shared, width),
        **tensors.linear("out", f"{name}.self_attn.o_proj", width, inner),
        **tensors.norm("channel_norm", f"{name}.post_attention_layernorm", width, shift=False),
        **tensors.linear("gate", f"{name}.mlp.gate_proj", hidden, width),
        **tensors.linear("up", f"{name}.mlp.up_proj", hidden, width),
        **tensors.linear("down", f"{name}.mlp.down_proj", width, hidden),
    }


FAMILY = Family(form=form, weights=weights)
