"""What every task must keep: splits that do not overlap, inputs that fit the stem, losses and errors that mean it."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from search_space.errors import ConfigError, DataError
from supernet.catalogue import STEMS
from supernet.tasks import TASKS, TaskData
from tests.supernet.tasks.samples import write_fashion_mnist, write_npz


@pytest.fixture(scope="module", params=list(TASKS))
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    root = tmp_path_factory.mktemp("data")
    write_fashion_mnist(root)
    write_npz(root / "mine.npz")
    options = {"path": "mine.npz"} if request.param == "npz" else {}
    return TASKS[request.param].load(data_root=root, options=options)


def splits(data: TaskData):
    return data.train, data.validation, data.test


def test_inputs_fit_the_shape_and_the_stem(data):
    for split in splits(data):
        assert split.inputs.dtype == torch.float32
        assert split.inputs.shape == (len(split), *data.shape.input_shape)
        inputs, targets = split.batch(torch.tensor([3, 1]))
        assert torch.equal(inputs, split.inputs[[3, 1]]) and torch.equal(targets, split.targets[[3, 1]])
    from search_space import BlockShape

    stem = STEMS[data.shape.stem](BlockShape(task=data.shape, embed_dim=8, head_dim=8))
    assert stem(data.train.inputs[:2], embed_dim=8).shape == (2, data.shape.seq_len, 8)


def test_train_is_normalised_and_no_example_is_in_two_splits(data):
    inputs = data.train.inputs
    assert inputs.mean().abs() < 1e-4 and abs(inputs.std() - 1) < 1e-2
    seen = [{x.numpy().tobytes() for x in split.stored} for split in splits(data)]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])


def test_losses_against_their_definitions(data):
    generator = torch.Generator().manual_seed(0)
    targets = data.train.targets[:6]
    outputs = torch.randn(6, data.shape.num_outputs, generator=generator, dtype=torch.float64)
    teacher = torch.randn(6, data.shape.num_outputs, generator=generator, dtype=torch.float64)
    p, q = teacher.exp() / teacher.exp().sum(1, keepdim=True), outputs.exp() / outputs.exp().sum(1, keepdim=True)
    labels = -q[torch.arange(6), targets].log()
    torch.testing.assert_close(data.loss(outputs, targets, reduction="none"), labels)
    torch.testing.assert_close(data.loss(outputs, targets), labels.mean())
    smooth = 0.9 * labels - 0.1 * q.log().mean(1)
    torch.testing.assert_close(data.loss(outputs, targets, label_smoothing=0.1), smooth.mean())
    torch.testing.assert_close(data.soft_loss(outputs, teacher), (p * (p / q).log()).sum(1).mean())
    perfect = torch.nn.functional.one_hot(targets, data.shape.num_outputs).double()
    assert data.error(perfect, targets).tolist() == [0.0] * 6
    assert data.error(-perfect, targets).tolist() == [1.0] * 6


def test_augmentation_follows_its_generator_and_keeps_shapes(data):
    inputs = data.train.inputs[:16]
    a, b, c = (data.augment(inputs, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert a.shape == inputs.shape and torch.equal(a, b)
    assert torch.equal(a, c) == (data.shift == 0 and not data.flip)


def test_loading_again_gives_the_same_data(data, tmp_path):
    assert len(data.data_hash) == 12 and int(data.data_hash, 16) >= 0
    if data.shape.input_shape == (1, 8, 8):
        again = TASKS["digits"].load()
        assert again.data_hash == data.data_hash
        assert all(torch.equal(x.stored, y.stored) for x, y in zip(splits(data), splits(again), strict=True))
        assert TASKS["digits"].load(options={"patch_size": 4}).data_hash != data.data_hash


@pytest.mark.parametrize("task", list(TASKS))
def test_unknown_and_mistyped_options_are_refused(task, tmp_path):
    with pytest.raises(ConfigError, match=r"^task\.options\.colour: expected one of .*patch_size"):
        TASKS[task].load(data_root=tmp_path, options={"colour": 1})
    with pytest.raises(ConfigError, match=r"^task\.options\.patch_size: expected a value of type int, got '2'"):
        TASKS[task].load(data_root=tmp_path, options={"patch_size": "2"})


def test_missing_data_names_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"set data_root .*NASWEAVE_DATA"):
        TASKS["fashion_mnist"].load(data_root=tmp_path)
    monkeypatch.setenv("NASWEAVE_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match=r"elsewhere.*NASWEAVE_DATA"):
        TASKS["fashion_mnist"].load()
    write_fashion_mnist(tmp_path)
    (tmp_path / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz.*NASWEAVE_DATA"):
        TASKS["fashion_mnist"].load(data_root=tmp_path)


def test_an_unknown_task_names_the_known_ones():
    with pytest.raises(ConfigError, match="digits, fashion_mnist, npz"):
        TASKS["imagenet"]


def test_fashion_mnist_samples_are_idx(tmp_path: Path):
    write_fashion_mnist(tmp_path)
    raw = gzip.decompress((tmp_path / "fashion_mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    assert np.frombuffer(raw[:16], ">i4").tolist() == [0x803, 120, 28, 28]
