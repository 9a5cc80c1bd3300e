"""``init=hf path=DIR``: training starts from the checkpoint, in a folder of its own; mistakes are one line."""

from __future__ import annotations

import pytest
import torch

from search_space import space_from_mapping
from supernet import catalogue
from supernet.tasks import TASKS
from supernet.training import load_trained
from tests.runs.tiny import nasweave

transformers = pytest.importorskip("transformers", reason="it makes the checkpoints of these tests")

SPACE = {
    "name": "vit_tiny",
    "embed_dim": [16, 24],
    "depth": [1, 2],
    "head_dim": 12,
    "mixer": ["softmax", "pooling"],
    "num_heads": [1, 2],
    "channel_mixer": ["mlp"],
    "ratio": [1, 2],
    "precision": ["float"],
    "options": {},
    "stem": "class_patch",
    "head": "class_token",
    "norm": {"eps": 1e-12},
}
TRAIN = ("train", "training.steps=1", "training.batch_size=4", "training.learning_rate=1e-12")


def overrides(**changes):
    lists = {k: str(v).replace(" ", "").replace("'", "") for k, v in {**SPACE, **changes}.items() if k != "name"}
    return [f"space.{key}={value}" for key, value in lists.items()]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny ViT for the digits, in a folder whose name needs care."""
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=8, patch_size=2,
        num_channels=1, num_labels=10,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.ViTForImageClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    folder = tmp_path_factory.mktemp("it's mine = yours")
    model.save_pretrained(folder)
    return model, folder


def test_training_starts_from_the_checkpoint(checkpoint, tmp_path, monkeypatch):
    model, folder = checkpoint
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, *TRAIN, *overrides(), "init=hf", f"path={folder}") == 0
    data = TASKS["digits"].load(options={"patch_size": 2})
    space = space_from_mapping(SPACE, task=data.shape, catalogue=catalogue())
    (trained,) = (tmp_path / "outputs" / "digits" / "supernets").iterdir()
    inputs, _ = data.test.batch(slice(0, 16))
    with torch.no_grad():
        expected = model(pixel_values=inputs).logits
        torch.testing.assert_close(load_trained(space, trained)(inputs, space.largest), expected, rtol=0, atol=1e-4)
    assert nasweave(monkeypatch, *TRAIN, *overrides()) == 0
    assert len(list(trained.parent.iterdir())) == 2, "another start is another supernet"
    assert (
        nasweave(monkeypatch, *TRAIN, *overrides(), "init.format=hf", f"init.path='{folder}'".replace("t's", "t\\'s"))
        == 0
    )
    assert len(list(trained.parent.iterdir())) == 2, "the same start is the same supernet"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["init=hf"], "init: expected a format and the path of a checkpoint, or neither, got format hf and path None"),
        (["path=somewhere"], "init: expected a format and the path"),
        (["init=onnx", "path=somewhere"], "init.format: expected hf or null, got 'onnx'"),
        (
            ["init=hf", "path=nowhere"],
            "nowhere/config.json: expected a file of a checkpoint, got No such file or directory",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, *TRAIN, *overrides(), *arguments) == 2
    printed = capsys.readouterr().err.strip()
    assert words in printed and "\n" not in printed


def test_a_space_that_is_too_small_is_one_line(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, *TRAIN, *overrides(depth=[1]), "init=hf", f"path={checkpoint[1]}") == 2
    assert "space.depth: expected 2 as its largest choice, as in the checkpoint, got 1" in capsys.readouterr().err
