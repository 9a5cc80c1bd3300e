"""``nasweave compress DIR``: from a checkpoint and data to an export of a smaller network, for every family."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

import nasweave as nw
from runs.api import compressing
from supernet.tokenizers.bert import Vocabulary
from tests.runs.tiny import nasweave
from tests.supernet.pretrained.checkpoints import model_of
from tests.supernet.tasks.encoders import write_encoder
from tests.supernet.tasks.samples import texts, write_texts
from tests.supernet.tokenizers.made import bert, saved

pytest.importorskip("transformers", reason="it makes the checkpoints of these tests")

QUICK = {
    "training.batch_size": 8,
    "search.fidelities.rungs": [1, 2],
    "search.fidelities.teacher_steps": 2,
    "search.fidelities.initial": 2,
    "search.fidelities.max_rounds": 3,
    "search.fidelities.processes": 1,
    "search.fidelities.time_budget": "3s",
    "search.fidelities.baselines": 0.1,
    "evaluation.examples": 16,
    "profile.networks": 1,
    "profile.max_seconds": 0.005,
    "profile.time_budget": "4s",
    "baselines.random": 1,
    "baselines.uniform": 1,
    "finalists": 1,
    "sensitivity": False,
    "export.measure": False,
    "export.formats": ["safetensors"],
    "hardware": "torch",
    "space.precision": ["float"],
}
WORDS = [f"{key}={json.dumps(value)}".replace('"', "").replace(" ", "") for key, value in QUICK.items()]


@pytest.fixture
def texts_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "mine.csv", texts(120, classes=3))
    return "mine.csv"


def text_checkpoint(folder, *, layers=3):
    """Write a tiny encoder of texts with its tokenizer; returns its folder."""
    saved(bert(size=200), folder)
    sizes = {"vocab_size": 200, "max_position_embeddings": 40, "num_hidden_layers": layers}
    model_of("bert", **sizes).bert.save_pretrained(folder)
    return folder


def test_an_encoder_becomes_a_smaller_network_in_one_line(texts_file, tmp_path, monkeypatch, capsys):
    folder = text_checkpoint(tmp_path / "encoder")
    words = ["compress", str(folder), "task=text", f"task.options.path={texts_file}", "budget.latency_ms=1000", *WORDS]
    words += ["export.formats=[safetensors,onnx]"]
    assert nasweave(monkeypatch, *words) == 0
    told = capsys.readouterr().err
    assert (
        "teacher: encoder, " in told and "is trained for 2 steps first" in told and "2 steps of the checkpoint" in told
    )
    taught = tmp_path / "outputs" / "text" / "default" / "teacher_seconds.json"
    seconds = json.loads(taught.read_text())
    assert "steps first, about " in told and "layers kept by networks of 1 of them " in told and "compressed: " in told
    (exported,) = (tmp_path / "outputs" / "text" / "default" / "exports").iterdir()
    assert (exported / "model.onnx").exists() and "the checkpoint encoder" in (exported / "NOTICE").read_text()
    network = nw.load_network(exported)
    assert network(torch.ones(1, *network.geometry.task.input_shape, dtype=torch.long)).shape == (1, 3)
    assert_it_classifies(exported, network)
    assert nasweave(monkeypatch, *words) == 0
    again = capsys.readouterr().err
    assert json.loads(taught.read_text()) == seconds > 0
    assert "is trained for" not in again and "compressed: " in again, "the same command finds what is done"


def assert_it_classifies(exported, network):
    """Run the folder's own program where nasweave and PyTorch are not, against the network itself."""
    with open("mine.csv") as file:
        some = [row["text"] for row in csv.DictReader(file)][:5]
    program = (
        "import runpy, sys; sys.modules.update(torch=None, nasweave=None, runs=None, supernet=None); "
        "sys.argv.insert(1, '--json'); runpy.run_path('classify.py', run_name='__main__')"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, *some], capture_output=True, text=True, check=True, cwd=exported
    ).stdout
    told = [json.loads(line) for line in printed.splitlines()]
    steps = {step["do"]: step for step in json.loads((exported / "preprocessing.json").read_text())["steps"]}
    vocabulary = Vocabulary.from_json((exported / "tokenizer.json").read_text())
    for text, row in zip(some, told, strict=True):
        ids = vocabulary.encode(text, most=steps["encode"]["most"])
        with torch.no_grad():
            scores = network(torch.tensor([ids + [0] * (steps["pad"]["length"] - len(ids))]))[0].softmax(0)
        labels = (exported / "labels.txt").read_text().split()
        assert row["text"] == text and row["probability"] == pytest.approx(float(scores.max()), abs=1e-3)
        assert row["label"] == labels[int(scores.argmax())]


@pytest.mark.parametrize("family", ["vit", "gpt2", "llama"])
def test_other_families_are_compressed_from_python(family, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if family == "vit":
        model = model_of(family, num_channels=1, num_labels=10)
        given = {"task": "digits", "task_options": {"patch_size": 2}}
    else:
        model = model_of(family, vocab_size=256, **({"n_positions": 32} if family == "gpt2" else {}))
        (tmp_path / "mine.txt").write_text("It was the best of times, it was the worst of times.\n" * 80)
        given = {"task": "text", "task_options": {"path": "mine.txt", "context": 16}}
    model.save_pretrained(tmp_path / "checkpoint")
    own = {"training": "language"} if family != "vit" else {}
    exported = nw.compress(tmp_path / "checkpoint", **given, overrides=own | QUICK)
    network = nw.load_network(exported.path)
    assert network.geometry.task.stem == {"vit": "class_patch", "gpt2": "tokens", "llama": "bare_tokens"}[family]


def test_an_encoder_of_sentences_is_compressed_without_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASWEAVE_CACHE", str(tmp_path / "cache"))
    some = [text for text, _ in texts(160)]
    (tmp_path / "mine.txt").write_text("".join(f"{text}\n" for text in some))
    overrides = QUICK | {"export.formats": ["safetensors", "onnx"]}
    del overrides["search.fidelities.teacher_steps"]
    options = {"path": "mine.txt"}
    exported = nw.compress(
        write_encoder(tmp_path / "encoder"), task="embedding", task_options=options, overrides=overrides
    )
    network = nw.load_network(exported.path)
    program = (
        "import runpy, sys; sys.modules.update(torch=None, nasweave=None, runs=None, supernet=None); "
        "sys.argv[0] = 'embed.py'; runpy.run_path('embed.py', run_name='__main__')"
    )
    command = [sys.executable, "-c", program, "--output", "found.npy", *some[:9]]
    subprocess.run(command, check=True, cwd=exported.path)
    steps = {step["do"]: step for step in json.loads((exported.path / "preprocessing.json").read_text())["steps"]}
    vocabulary = Vocabulary.from_json((exported.path / "tokenizer.json").read_text())
    length = steps["pad"]["length"]
    rows = [vocabulary.encode(text, most=length) for text in some[:9]]
    with torch.no_grad():
        expected = network(torch.tensor([row + [0] * (length - len(row)) for row in rows]))
    expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    np.testing.assert_allclose(np.load(exported.path / "found.npy"), expected, atol=1e-4)


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "compress: expected the folder of a checkpoint, got none"),
        (("nowhere",), "nowhere"),
    ],
)
def test_a_mistake_is_one_line(texts_file, monkeypatch, capsys, words, said):
    assert nasweave(monkeypatch, "compress", *words, "task=text", f"task.options.path={texts_file}") == 2
    printed = capsys.readouterr().err.strip()
    assert said in printed and "\n" not in printed


def test_what_python_is_told_takes_the_place_of_what_a_compression_sets(monkeypatch):
    made = MagicMock()
    monkeypatch.setattr(compressing, "create_run", made)
    options = {"path": "mine.csv", "trim_vocabulary": False}
    nw.compress("DIR", task_options=options, overrides={"training.batch_size": 8})
    overrides = made.call_args.kwargs["overrides"]
    assert (overrides["task.options.trim_vocabulary"], overrides["training.batch_size"]) == (False, 8)
    assert (overrides["space"], overrides["init.path"]) == ("checkpoint", "DIR")
    with pytest.raises(nw.NasweaveError, match="overrides: expected values by name"):
        nw.compress("DIR", overrides="training.batch_size=8")


def test_a_space_around_a_checkpoint_needs_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "train", "space=checkpoint") == 2
    assert "space.around: expected checkpoint, with one to start from, got 'checkpoint' and none" in (
        capsys.readouterr().err
    )
