"""``init=hf`` with texts: a run takes the vocabulary and the weights of the checkpoint; mistakes are one line."""

from __future__ import annotations

import csv
import json

import pytest
import torch

from supernet.pretrained import Pretrained
from supernet.saving import load_network
from supernet.tokenizers.bert import Vocabulary
from tests.runs.tiny import nasweave
from tests.supernet.tasks.samples import texts, write_texts
from tests.supernet.tokenizers.made import bert, saved, tokenizers

transformers = pytest.importorskip("transformers", reason="it makes the checkpoints of these tests")

SPACE = {
    "name": "tiny_bert",
    "embed_dim": [16, 24],
    "depth": [1, 2],
    "head_dim": 12,
    "mixer": ["softmax", "pooling"],
    "num_heads": [1, 2],
    "channel_mixer": ["mlp"],
    "ratio": [1, 2],
    "precision": ["float"],
    "options": {},
    "stem": "normed_tokens",
    "head": "mean_pooling",
    "norm": {"eps": 1e-12, "position": "post"},
}
TRAIN = ("training.steps=1", "training.batch_size=4", "training.learning_rate=1e-12")


def overrides(folder, **changes):
    lists = {k: str(v).replace(" ", "").replace("'", "") for k, v in {**SPACE, **changes}.items() if k != "name"}
    words = [
        "task=text",
        "task.options.path=mine.csv",
        *TRAIN,
        *(f"space.{key}={value}" for key, value in lists.items()),
    ]
    return [*words, "init=hf", f"path={folder}"]


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """A tiny BERT and its tokenizer, beside texts of 24 classes; the head then gives the pooled vector itself."""
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "mine.csv", texts(240, classes=24))
    saved(bert(size=200), tmp_path / "checkpoint")
    config = transformers.BertConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, vocab_size=200,
        max_position_embeddings=40,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.BertModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(tmp_path / "checkpoint")
    return model, tmp_path / "checkpoint"


@pytest.mark.parametrize(
    "broken, changes, words",
    [
        ("tokenizer.json", (), "got a folder without it, {folder}; correct the path, or make it with AutoTokenizer"),
        (
            None,
            ("task.options.pieces=words",),
            "task.options.pieces: expected no vocabulary to learn beside a published",
        ),
        (None, ("space.head=pooled",), "space.head: expected mean_pooling or cls_pooling or pooler"),
        (None, ("task.options.max_tokens=48",), "task: expected at most 40 tokens, as in the checkpoint, got 48"),
    ],
)
def test_a_mistake_is_one_line(checkpoint, monkeypatch, capsys, broken, changes, words):
    folder = checkpoint[1]
    if broken:
        (folder / broken).unlink()
    assert nasweave(monkeypatch, "train", *overrides(folder), *changes) == 2
    printed = capsys.readouterr().err.strip()
    assert words.format(folder=folder) in printed and "\n" not in printed


def test_an_export_from_text_to_vector_is_that_of_the_checkpoint(checkpoint, tmp_path, monkeypatch):
    model, folder = checkpoint
    one = {"embed_dim": [24], "depth": [2], "mixer": ["softmax"], "num_heads": [2], "ratio": [2]}
    effort = ("search=nasweave", "search.n_trials=4", "profile.networks=1", "profile.max_seconds=0.01", "finalists=1")
    quick = ("baselines.random=0", "baselines.uniform=0", "sensitivity=false", "hardware=torch")
    export = ("export.formats=[safetensors]", "export.measure=false", "task.options.trim_vocabulary=true")
    assert nasweave(monkeypatch, "run", *overrides(folder, **one), *effort, *quick, *export) == 0
    (exported,) = (tmp_path / "outputs" / "text" / "default" / "exports").iterdir()
    told = f"the checkpoint checkpoint, {Pretrained(folder).hash}"
    assert told in (exported / "NOTICE").read_text() and told in (exported / "README.md").read_text()
    assert "license: other" in (exported / "README.md").read_text()
    steps = {step["do"]: step for step in json.loads((exported / "preprocessing.json").read_text())["steps"]}
    vocabulary = Vocabulary.from_json((exported / "tokenizer.json").read_text())
    tokenizer, network = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), load_network(exported).eval()
    with open("mine.csv") as file:
        some = [row["text"] for row in csv.DictReader(file)][:8]
    for text in some:
        ids = vocabulary.encode(text, most=steps["encode"]["most"])
        padded = torch.tensor([ids + [0] * (steps["pad"]["length"] - len(ids))])
        with torch.no_grad():
            last = model(input_ids=torch.tensor([tokenizer.encode(text).ids])).last_hidden_state
            torch.testing.assert_close(network(padded), last.mean(1), rtol=0, atol=1e-4)
