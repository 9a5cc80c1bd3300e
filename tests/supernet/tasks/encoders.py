"""A tiny encoder of sentences with random weights, on disk as its users find it, made without transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from supernet.tokenizers import learned
from tests.supernet.tasks.samples import texts

WIDTH, LAYERS = 12, 3


def write_encoder(folder: Path, *, pooling: str = "mean_tokens", longest: int = 20, **config: Any) -> Path:
    """Write a BERT of 3 layers with its tokenizer and the files of sentence-transformers; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = learned([text for text, _ in texts(160)], kind="wordpiece", size=300, lowercase=True)
    (folder / "tokenizer.json").write_text(tokenizer.content)
    sizes = {
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 24,
        "vocab_size": tokenizer.size, "max_position_embeddings": 24, "type_vocab_size": 2, "pad_token_id": 0,
    }  # fmt: skip
    told = {"model_type": "bert", "architectures": ["BertModel"], **sizes, **config}
    (folder / "config.json").write_text(json.dumps(told))
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.4

    tensors = {f"embeddings.{name}.weight": drawn(rows, WIDTH) for name, rows in (
        ("word_embeddings", tokenizer.size), ("position_embeddings", 24), ("token_type_embeddings", 2))}  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{i}" for i in range(LAYERS)):
        for name, out, into in (
            *((f"attention.self.{part}", WIDTH, WIDTH) for part in ("query", "key", "value")),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", 24, WIDTH),
            ("output.dense", WIDTH, 24),
        ):
            tensors |= {f"{layer}.{name}.weight": drawn(out, into), f"{layer}.{name}.bias": drawn(out)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        tensors |= {f"{norm}.weight": 1 + drawn(WIDTH), f"{norm}.bias": drawn(WIDTH)}
    save_file(tensors, folder / "model.safetensors")
    modules = [{"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling", "Normalize")]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest}))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    modes = {f"pooling_mode_{name}": name == pooling for name in ("cls_token", "mean_tokens", "max_tokens")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    return folder
