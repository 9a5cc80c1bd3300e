"""ViT: a pre-norm encoder of image patches behind a class token; a checkpoint of the encoder alone gets a new head.

Paper: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words.
"""

from __future__ import annotations

from torch import Tensor

from search_space import Norm
from supernet.pretrained._family import ACTIVATIONS, Family, Form, Weights
from supernet.pretrained._source import Settings, Tensors


def form(settings: Settings) -> Form:
    """Read the sizes; images and patches are square."""
    width, heads = settings.size("hidden_size"), settings.size("num_attention_heads")
    image, patch = settings.size("image_size"), settings.size("patch_size")
    return Form(
        embed_dim=width,
        depth=settings.size("num_hidden_layers"),
        num_heads=heads,
        head_dim=width // heads,
        hidden_dim=settings.size("intermediate_size"),
        stem="class_patch",
        mixer="softmax",
        channel_mixer="mlp",
        heads=("class_token",),
        norm=Norm(eps=settings.number("layer_norm_eps", 1e-12)),
        causal=False,
        options={"mlp": {"activation": settings.choice("hidden_act", ACTIVATIONS, "gelu")}},
        max_tokens=(image // patch) ** 2 + 1,
        input_shape=(settings.size("num_channels", 3), image, image),
    )


def weights(tensors: Tensors, form: Form) -> Weights:
    """Flatten the convolution over patches to the linear layer that it is."""
    tensors, width = tensors.without("vit."), form.embed_dim
    assert form.max_tokens is not None and form.input_shape is not None
    channels, image, _ = form.input_shape
    side = image // round((form.max_tokens - 1) ** 0.5)
    convolution = tensors.take("embeddings.patch_embeddings.projection.weight", width, channels, side, side)
    return Weights(
        stem={
            "class_token": tensors.take("embeddings.cls_token", 1, 1, width)[0, 0],
            "position": tensors.take("embeddings.position_embeddings", 1, form.max_tokens, width)[0],
            "project.weight": convolution.flatten(1),
            "project.bias": tensors.take("embeddings.patch_embeddings.projection.bias", width),
        },
        layers=tuple(_layer(tensors, f"encoder.layer.{i}", form) for i in range(form.depth)),
        heads={"class_token": {**tensors.norm("norm", "layernorm", width), **tensors.classifier("classifier", width)}},
    )


def _layer(tensors: Tensors, name: str, form: Form) -> dict[str, Tensor]:
    width, inner, hidden = form.embed_dim, form.attention_dim, form.hidden_dim
    return {
        **tensors.norm("mixer_norm", f"{name}.layernorm_before", width),
        **tensors.linear("q", f"{name}.attention.attention.query", inner, width),
        **tensors.linear("k", f"{name}.attention.attention.key", inner, width),
        **tensors.linear("v", f"{name}.attention.attention.value", inner, width),
        **tensors.linear("out", f"{name}.attention.output.dense", width, inner),
        **tensors.norm("channel_norm", f"{name}.layernorm_after", width),
        **tensors.linear("up", f"{name}.intermediate.dense", hidden, width),
        **tensors.linear("down", f"{name}.output.dense", width, hidden),
    }


FAMILY = Family(form=form, weights=weights)
