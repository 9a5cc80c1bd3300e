"""Tiny models of transformers with random weights, on disk, and the spaces that hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from search_space import SearchSpace, TaskShape, space_from_mapping
from supernet import catalogue

transformers = pytest.importorskip("transformers", reason="the reference of these tests")

IDS, LENGTH = 37, 12
FAMILIES = ("gpt2", "vit", "llama", "bert", "roberta", "distilbert")
CAUSAL_TEXT = TaskShape(
    input_shape=(LENGTH,),
    num_outputs=IDS,
    seq_len=LENGTH,
    vocab_size=IDS,
    causal=True,
    stem="tokens",
    head="language_model",
)
TEXT = TaskShape(input_shape=(LENGTH,), num_outputs=5, seq_len=LENGTH, vocab_size=IDS, padded=True, stem="tokens")
IMAGE = TaskShape(input_shape=(3, 8, 8), num_outputs=5, seq_len=16, grid=(4, 4))
TASKS = {
    "gpt2": CAUSAL_TEXT,
    "vit": IMAGE,
    "llama": CAUSAL_TEXT,
    **dict.fromkeys(("bert", "roberta", "distilbert"), TEXT),
}
SPACE: dict[str, Any] = {
    "name": "tiny",
    "embed_dim": [16, 24],
    "depth": [1, 3],
    "head_dim": 6,
    "mixer": ["softmax"],
    "num_heads": [2, 4],
    "channel_mixer": ["mlp"],
    "ratio": [1, 3],
}
SPACES: dict[str, dict[str, Any]] = {
    "gpt2": {"options": {"mlp": {"activation": "gelu_tanh"}}},
    "vit": {"stem": "class_patch", "head": "class_token", "norm": {"eps": 1e-12}},
    "llama": {
        "stem": "bare_tokens",
        "mixer": ["rotary_softmax"],
        "channel_mixer": ["gated_mlp"],
        "norm": {"kind": "rmsnorm", "eps": 1e-6},
        "options": {"rotary_softmax": {"base": 500.0, "kv_heads": [1, 2]}},
    },
    "bert": {"stem": "normed_tokens", "head": "pooler", "norm": {"eps": 1e-12, "position": "post"}},
}
SPACES["roberta"] = SPACES["bert"]
SPACES["distilbert"] = {**SPACES["bert"], "options": {"pooler": {"activation": "relu"}}}


def space_of(family: str, *, task: TaskShape | None = None, **overrides: Any) -> SearchSpace:
    """Return the space whose largest network is the family's checkpoint."""
    declaration = {**SPACE, **SPACES[family], **overrides}
    return space_from_mapping(declaration, task=task or TASKS[family], catalogue=catalogue())


def model_of(family: str, **overrides: Any) -> torch.nn.Module:
    """Return a model with random weights, biases and norms too, in evaluation mode."""
    common = {"num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 24, "intermediate_size": 72}
    if family == "gpt2":
        sizes = {"n_layer": 3, "n_head": 4, "n_embd": 24, "n_inner": 72, "n_positions": 20, "vocab_size": IDS}
        config = transformers.GPT2Config(**{**sizes, "bos_token_id": 1, "eos_token_id": 2, **overrides})
        model = transformers.GPT2LMHeadModel(config)
    elif family == "vit":
        config = transformers.ViTConfig(**{**common, "image_size": 8, "patch_size": 2, "num_labels": 5, **overrides})
        model = transformers.ViTForImageClassification(config)
    elif family == "llama":
        more = {
            "num_key_value_heads": 2,
            "vocab_size": IDS,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
        }
        config = transformers.LlamaConfig(**{**common, **more, **overrides})
        model = transformers.LlamaForCausalLM(config)
    elif family == "distilbert":
        sizes = {"n_layers": 3, "n_heads": 4, "dim": 24, "hidden_dim": 72, "vocab_size": IDS}
        config = transformers.DistilBertConfig(**{**sizes, "max_position_embeddings": 20, "num_labels": 5, **overrides})
        model = transformers.DistilBertForSequenceClassification(config)
    elif family == "roberta":
        more = {"vocab_size": IDS, "max_position_embeddings": 20, "num_labels": 5, "pad_token_id": 0}
        config = transformers.RobertaConfig(**{**common, **more, **overrides})
        model = transformers.RobertaForSequenceClassification(config)
    else:
        more = {"vocab_size": IDS, "max_position_embeddings": 20, "num_labels": 5}
        config = transformers.BertConfig(**{**common, **more, **overrides})
        model = transformers.BertForSequenceClassification(config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def saved(model: torch.nn.Module, folder: Path, **options: Any) -> Path:
    """Write a model as its users do."""
    model.save_pretrained(folder, **options)
    return folder


def some_inputs(family: str, *, seed: int = 0) -> torch.Tensor:
    """Return four examples; those of a padded task end in padding."""
    generator = torch.Generator().manual_seed(seed)
    task = TASKS[family]
    if not task.vocab_size:
        return torch.randn(4, *task.input_shape, generator=generator)
    ids = torch.randint(1, task.vocab_size, (4, LENGTH), generator=generator)
    if task.padded:
        ids[1, 7:], ids[2, 1:] = 0, 0
    return ids


def outputs_of(model: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Return what the reference gives, padding hidden."""
    with torch.no_grad():
        if inputs.is_floating_point():
            return model(pixel_values=inputs).logits
        return model(input_ids=inputs, attention_mask=(inputs != 0).long()).logits
