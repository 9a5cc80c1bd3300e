"""GPT-2: a causal pre-norm transformer with learned positions; the embedding is the head too, unless stored apart.

Paper: Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
"""

from __future__ import annotations

import torch
from torch import Tensor

from search_space import Norm
from supernet.pretrained._family import ACTIVATIONS, Family, Form, Weights
from supernet.pretrained._source import Settings, Tensors


def form(settings: Settings) -> Form:
    """Read the sizes; scores scaled in another way, and attention to an encoder, are refused."""
    settings.only("scale_attn_weights", True, default=True)
    settings.only("scale_attn_by_inverse_layer_idx", False, default=False)
    settings.only("add_cross_attention", False, default=False)
    width, heads = settings.size("n_embd"), settings.size("n_head")
    return Form(
        embed_dim=width,
        depth=settings.size("n_layer"),
        num_heads=heads,
        head_dim=width // heads,
        hidden_dim=settings.size("n_inner", 4 * width),
        stem="tokens",
        mixer="softmax",
        channel_mixer="mlp",
        heads=("language_model",),
        norm=Norm(eps=settings.number("layer_norm_epsilon", 1e-5)),
        causal=True,
        options={"mlp": {"activation": settings.choice("activation_function", ACTIVATIONS, "gelu_new")}},
        max_tokens=settings.size("n_positions"),
        vocab_size=settings.size("vocab_size"),
    )


def weights(tensors: Tensors, form: Form) -> Weights:
    """Split q, k and v, and turn the linears, which are stored as ``(in, out)``."""
    tensors, width = tensors.without("transformer."), form.embed_dim
    embedding = tensors.take("wte.weight", form.vocab_size, width)
    assert form.max_tokens is not None
    head = tensors.take("lm_head.weight", form.vocab_size, width) if "lm_head.weight" in tensors else embedding
    return Weights(
        stem={"embedding": embedding, "position": tensors.take("wpe.weight", form.max_tokens, width)},
        layers=tuple(_layer(tensors, f"h.{i}", form) for i in range(form.depth)),
        heads={
            "language_model": {
                **tensors.norm("norm", "ln_f", width),
                "project.weight": head,
                "project.bias": torch.zeros(form.vocab_size),
            }
        },
    )


def _layer(tensors: Tensors, name: str, form: Form) -> dict[str, Tensor]:
    width, inner, hidden = form.embed_dim, form.attention_dim, form.hidden_dim
    qkv = tensors.take(f"{name}.attn.c_attn.weight", width, 3 * inner).mT.chunk(3)
    biases = tensors.take(f"{name}.attn.c_attn.bias", 3 * inner).chunk(3)
    layer = {
        **tensors.norm("mixer_norm", f"{name}.ln_1", width),
        **tensors.norm("channel_norm", f"{name}.ln_2", width),
        **{f"{target}.weight": weight for target, weight in zip("qkv", qkv, strict=True)},
        **{f"{target}.bias": bias for target, bias in zip("qkv", biases, strict=True)},
    }
    for target, stored, out, into in (
        ("out", "attn.c_proj", width, inner),
        ("up", "mlp.c_fc", hidden, width),
        ("down", "mlp.c_proj", width, hidden),
    ):
        layer[f"{target}.weight"] = tensors.take(f"{name}.{stored}.weight", into, out).mT
        layer[f"{target}.bias"] = tensors.take(f"{name}.{stored}.bias", out)
    return layer


FAMILY = Family(form=form, weights=weights)
