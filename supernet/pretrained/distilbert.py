"""DistilBERT: a post-norm encoder of text as BERT, without kinds of tokens; its own head has a ReLU.

Paper: Sanh et al. 2019, DistilBERT, a distilled version of BERT.
"""

from __future__ import annotations

from torch import Tensor

from search_space import Norm
from supernet.pretrained._family import ACTIVATIONS, Family, Form, Weights
from supernet.pretrained._source import Settings, Tensors
from supernet.pretrained.bert import heads, pooled_heads


def form(settings: Settings) -> Form:
    """Read the sizes; positions are stored, sinusoidal ones too."""
    settings.only("pad_token_id", 0, default=0)
    width, count = settings.size("dim"), settings.size("n_heads")
    return Form(
        embed_dim=width,
        depth=settings.size("n_layers"),
        num_heads=count,
        head_dim=width // count,
        hidden_dim=settings.size("hidden_dim"),
        stem="normed_tokens",
        mixer="softmax",
        channel_mixer="mlp",
        heads=heads(settings),
        norm=Norm(eps=1e-12, position="post"),
        causal=False,
        options={"mlp": {"activation": settings.choice("activation", ACTIVATIONS, "gelu")}},
        head_options={"pooler": {"activation": "relu"}},
        max_tokens=settings.size("max_position_embeddings"),
        vocab_size=settings.size("vocab_size"),
    )


def weights(tensors: Tensors, form: Form) -> Weights:
    """Take the weights as they are."""
    tensors, width, pooler = tensors.without("distilbert."), form.embed_dim, {}
    assert form.max_tokens is not None
    if "pre_classifier.weight" in tensors:
        pooler = tensors.linear("pool", "pre_classifier", width, width) | tensors.classifier("classifier", width)
    return Weights(
        stem={
            "embedding": tensors.take("embeddings.word_embeddings.weight", form.vocab_size, width),
            "position": tensors.take("embeddings.position_embeddings.weight", form.max_tokens, width),
            **tensors.norm("norm", "embeddings.LayerNorm", width),
        },
        layers=tuple(_layer(tensors, f"transformer.layer.{i}", form) for i in range(form.depth)),
        heads={"pooler": pooler, **pooled_heads(tensors, width, pooled=bool(pooler))},
    )


def _layer(tensors: Tensors, name: str, form: Form) -> dict[str, Tensor]:
    width, inner, hidden = form.embed_dim, form.attention_dim, form.hidden_dim
    return {
        **tensors.linear("q", f"{name}.attention.q_lin", inner, width),
        **tensors.linear("k", f"{name}.attention.k_lin", inner, width),
        **tensors.linear("v", f"{name}.attention.v_lin", inner, width),
        **tensors.linear("out", f"{name}.attention.out_lin", width, inner),
        **tensors.norm("mixer_norm", f"{name}.sa_layer_norm", width),
        **tensors.linear("up", f"{name}.ffn.lin1", hidden, width),
        **tensors.linear("down", f"{name}.ffn.lin2", width, hidden),
        **tensors.norm("channel_norm", f"{name}.output_layer_norm", width),
    }


FAMILY = Family(form=form, weights=weights)
