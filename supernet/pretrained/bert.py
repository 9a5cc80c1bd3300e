"""BERT: a post-norm encoder of ids whose first token is pooled; a checkpoint without a classifier gets a new one.

The embedding of token type 0, which every token of a single text has, is added to the positions. Three heads read it:
its own ``pooler``, and for encoders of sentences ``mean_pooling`` and ``cls_pooling``, which give the pooled vector
itself where the task has as many outputs.

Paper: Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from search_space import Norm
from supernet.pretrained._family import ACTIVATIONS, Family, Form, Weights
from supernet.pretrained._source import Settings, Tensors

POOLED = ("mean_pooling", "cls_pooling")
EACH = "each_token"
_OLD = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def form(settings: Settings) -> Form:
    """Read the sizes; relative positions and decoders are refused."""
    settings.only("pad_token_id", 0, default=0)
    return encoder_form(settings, padding=0, positions=settings.size("max_position_embeddings"))


def encoder_form(settings: Settings, *, padding: int, positions: int) -> Form:
    """Return the form of an encoder whose settings have BERT's names, by its id of padding and its longest input."""
    settings.only("position_embedding_type", "absolute", default="absolute")
    settings.only("is_decoder", False, default=False)
    width, count = settings.size("hidden_size"), settings.size("num_attention_heads")
    return Form(
        embed_dim=width,
        depth=settings.size("num_hidden_layers"),
        num_heads=count,
        head_dim=width // count,
        hidden_dim=settings.size("intermediate_size"),
        stem="normed_tokens",
        mixer="softmax",
        channel_mixer="mlp",
        heads=heads(settings),
        norm=Norm(eps=settings.number("layer_norm_eps", 1e-12), position="post"),
        causal=False,
        options={"mlp": {"activation": settings.choice("hidden_act", ACTIVATIONS, "gelu")}},
        padding=padding,
        max_tokens=positions,
        vocab_size=settings.size("vocab_size"),
    )


def heads(settings: Settings) -> tuple[str, ...]:
    """Return the heads, its own first: the pooler where it was trained, which it was not of an encoder alone."""
    named = settings.values.get("architectures")
    trained = isinstance(named, list) and any(str(name).endswith("SequenceClassification") for name in named)
    return ("pooler", *POOLED, EACH) if trained else (*POOLED, "pooler", EACH)


def weights(tensors: Tensors, form: Form) -> Weights:
    """Add token type 0 to the positions; norms are read under their old names too."""
    tensors = Tensors(_renamed(tensors), where=tensors.where).without("bert.")
    return encoder_weights(tensors, form, pooler=_pooler(tensors, form.embed_dim))


def encoder_weights(tensors: Tensors, form: Form, *, pooler: Mapping[str, Tensor], skipped: int = 0) -> Weights:
    """Return the weights of an encoder whose tensors have BERT's names.

    ``pooler`` are those of its own head, and ``skipped`` the positions before the first one that is used.
    """
    width = form.embed_dim
    assert form.max_tokens is not None
    kinds = tensors.rows("embeddings.token_type_embeddings.weight")
    position = tensors.take("embeddings.position_embeddings.weight", form.max_tokens + skipped, width)[skipped:]
    return Weights(
        stem={
            "embedding": tensors.take("embeddings.word_embeddings.weight", form.vocab_size, width),
            "position": position + tensors.take("embeddings.token_type_embeddings.weight", kinds, width)[:1],
            **tensors.norm("norm", "embeddings.LayerNorm", width),
        },
        layers=tuple(_layer(tensors, f"encoder.layer.{i}", form) for i in range(form.depth)),
        heads={"pooler": pooler, **pooled_heads(tensors, width, pooled=bool(pooler))},
    )


def pooled_heads(tensors: Tensors, width: int, *, pooled: bool) -> dict[str, dict[str, Tensor]]:
    """Return the heads of an encoder alone, whose last layer changes nothing, and that of a classifier of tokens.

    ``pooled`` says that the last layer is one of whole texts.
    """
    eye = {"project.weight": torch.eye(width), "project.bias": torch.zeros(width)}
    return {**dict.fromkeys(POOLED, eye), EACH: {} if pooled else tensors.classifier("classifier", width)}


def _renamed(tensors: Tensors) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in tensors.values.items():
        for old, new in _OLD.items():
            name = name.removesuffix(old) + new if name.endswith(old) else name
        renamed[name] = tensor
    return renamed


def _pooler(tensors: Tensors, width: int) -> dict[str, Tensor]:
    if "pooler.dense.weight" not in tensors:
        return {}
    pool = tensors.linear("pool", "pooler.dense", width, width)
    return {**pool, **tensors.classifier("classifier", width)}


def _layer(tensors: Tensors, name: str, form: Form) -> dict[str, Tensor]:
    width, inner, hidden = form.embed_dim, form.attention_dim, form.hidden_dim
    return {
        **tensors.linear("q", f"{name}.attention.self.query", inner, width),
        **tensors.linear("k", f"{name}.attention.self.key", inner, width),
        **tensors.linear("v", f"{name}.attention.self.value", inner, width),
        **tensors.linear("out", f"{name}.attention.output.dense", width, inner),
        **tensors.norm("mixer_norm", f"{name}.attention.output.LayerNorm", width),
        **tensors.linear("up", f"{name}.intermediate.dense", hidden, width),
        **tensors.linear("down", f"{name}.output.dense", width, hidden),
        **tensors.norm("channel_norm", f"{name}.output.LayerNorm", width),
    }


FAMILY = Family(form=form, weights=weights)
