"""Splits, padding, normalisation and augmentation of images, against plain numpy."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from supernet.tasks import TASKS
from supernet.tasks._images import image_data
from tests.supernet.tasks.samples import write_fashion_mnist


def test_digits_are_split_60_20_20_in_every_class():
    data = TASKS["digits"].load()
    assert [len(s) for s in (data.train, data.validation, data.test)] == [1079, 359, 359]
    total = np.bincount(load_digits().target)
    for split, part in ((data.train, 0.6), (data.validation, 0.2), (data.test, 0.2)):
        assert np.abs(np.bincount(split.targets) - part * total).max() <= 1.5
    assert data.shape.grid == (4, 4) and data.shape.seq_len == 16 and data.shape.num_outputs == 10
    assert sorted(torch.cat([s.stored for s in (data.train, data.validation, data.test)]).sum((1, 2, 3)).tolist()) == (
        sorted(load_digits().data.sum(1).astype(int).tolist())
    )


def test_fashion_mnist_is_padded_then_normalised_by_train(tmp_path: Path):
    folder = write_fashion_mnist(tmp_path)
    data = TASKS["fashion_mnist"].load(data_root=tmp_path)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [110, 10, 40]
    assert np.bincount(data.validation.targets).tolist() == [1] * 10
    assert data.shape.input_shape == (1, 32, 32) and data.shape.grid == (8, 8) and data.shape.seq_len == 64
    raw = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    test = np.pad(np.frombuffer(raw, np.uint8).reshape(-1, 28, 28).astype(float), ((0, 0), (2, 2), (2, 2)))
    train = np.pad(data.train.stored.numpy()[:, 0].astype(float), ((0, 0), (2, 2), (2, 2)))
    np.testing.assert_allclose(data.test.inputs[:, 0], (test - train.mean()) / train.std(), atol=1e-5)


def test_channels_are_normalised_apart_and_a_constant_one_is_not_blown_up():
    rng = np.random.default_rng(0)
    images = rng.normal([[[[1.0]], [[100.0]], [[7.0]]]], [[[[1.0]], [[30.0]], [[0.0]]]], (50, 3, 4, 4))
    labelled = (images.astype(np.float32), np.arange(50) % 2)
    data = image_data(labelled, validation=labelled, test=labelled, num_classes=2, patch_size=2)
    inputs = data.train.inputs
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3))[:2], torch.ones(2), atol=1e-2, rtol=0)
    assert inputs[:, 2].abs().max() < 1e-4


@pytest.mark.parametrize("flip", [False, True])
def test_augmented_images_are_the_shifted_and_mirrored_ones(flip: bool):
    image = np.random.default_rng(0).normal(size=(1, 2, 4, 6)).astype(np.float32)
    labelled = (image, np.array([0]))
    data = image_data(labelled, validation=labelled, test=labelled, num_classes=2, patch_size=2, shift=1, flip=flip)
    padded = np.pad(image[0], ((0, 0), (1, 1), (1, 1)), mode="edge")
    possible = {
        np.ascontiguousarray(shifted[..., ::way]).tobytes()
        for dy in range(3)
        for dx in range(3)
        for shifted in (padded[:, dy : dy + 4, dx : dx + 6],)
        for way in ((1, -1) if flip else (1,))
    }
    batch = torch.from_numpy(image).expand(400, -1, -1, -1)
    seen = {x.numpy().tobytes() for x in data.augment(batch, torch.Generator().manual_seed(0)).contiguous()}
    assert seen == possible


def test_the_hash_follows_content_and_augmentation():
    rng = np.random.default_rng(0)
    labelled = (rng.integers(0, 9, (8, 1, 4, 4)).astype(np.uint8), np.arange(8) % 2)
    other = (labelled[0].copy(), labelled[1])
    other[0][3, 0, 2, 1] += 1

    def digest(test=labelled, **kw):
        return image_data(labelled, validation=labelled, test=test, num_classes=2, **{"patch_size": 2, **kw}).data_hash

    variants = [digest(), digest(other), digest(shift=1), digest(flip=True), digest(patch_size=4), digest(padding=1)]
    assert len(set(variants)) == len(variants) and digest() == variants[0]
