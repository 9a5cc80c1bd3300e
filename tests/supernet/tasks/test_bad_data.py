"""Every way in which a user's data can be wrong gives one clear line."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from search_space.errors import ConfigError, DataError
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import arrays, idx, write_fashion_mnist, write_npz

GOOD = arrays()


def with_value(value: float) -> np.ndarray:
    x = GOOD["x_train"].astype(np.float32)
    x[5, 1, 2, 3] = value
    return x


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "expected arrays x_train, y_train, x_test, y_test.*add y_test"),
        ({"x_validation": GOOD["x_test"]}, "add y_validation"),
        ({"x_train": GOOD["x_train"].reshape(60, -1)}, r"x_train: expected images .*got \(60, 288\)"),
        ({"x_train": GOOD["x_train"][:0], "y_train": GOOD["y_train"][:0]}, r"got \(0, 3, 8, 12\)"),
        ({"x_train": GOOD["x_train"].transpose(0, 2, 3, 1)}, r"channels first.*transpose\(0, 3, 1, 2\)"),
        ({"x_test": GOOD["x_test"][:, :, :4]}, r"x_test: expected images of shape \(3, 8, 12\)"),
        ({"x_train": GOOD["x_train"].astype(int)}, r"expected uint8 or floats, got int64.*astype"),
        ({"x_train": with_value(np.nan)}, "expected finite values, got 1 NaN or infinite values in 1 images"),
        ({"x_train": with_value(np.inf)}, "NaN or infinite"),
        ({"x_train": with_value(3e38)}, r"mine\.npz: train: expected values of at most 1e\+30 .*got one of 3e\+38"),
        ({"x_train": with_value(0) / 255, "x_test": with_value(3e18)[:20]}, r"mine\.npz: test: .*training deviations"),
        ({"x_train": with_value(0).astype(np.float64) * 1e300}, "NaN or infinite"),
        ({"y_train": GOOD["y_train"][:-1]}, "y_train: expected 60 labels, one an image, got 59"),
        ({"y_train": GOOD["y_train"][:, None]}, r"one label an image, shape \(n,\), got \(60, 1\)"),
        ({"y_train": GOOD["y_train"] + 0.5}, "expected integer labels, got float64"),
        ({"y_train": GOOD["y_train"] - 1}, "expected labels from 0 to 999,999, got -1"),
        ({"y_train": GOOD["y_train"] + 10**7}, "expected labels from 0 to 999,999, got 10000002"),
        ({"y_train": GOOD["y_train"] + 1}, r"got \[1, 2, 3\]; renumber"),
        ({"y_train": GOOD["y_train"] * 0, "y_test": GOOD["y_test"] * 0}, "two classes or more"),
        ({"y_test": GOOD["y_test"] + 1}, r"y_test: expected labels that y_train has too, got \[3\]"),
        (
            {"y_train": np.r_[np.arange(59) % 2, 2]},
            "two classes or more with 2 examples each.*got 60 examples, 1 of '2'; .*x_validation",
        ),
        ({"y_train": np.array([None] * 60)}, "plain arrays"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path: Path, changes, message):
    path = write_npz(tmp_path / "mine.npz", **changes)
    with pytest.raises(DataError, match=message) as caught:
        TASKS["npz"].load(options={"path": str(path)})
    assert "\n" not in str(caught.value)


def test_a_patch_that_does_not_tile_lists_those_that_do(tmp_path: Path):
    path = write_npz(tmp_path / "mine.npz")
    for patch_size in (5, 8):
        with pytest.raises(DataError, match=r"tiles 8x12 images.*set it to one of 1, 2, 4$"):
            TASKS["npz"].load(options={"path": str(path), "patch_size": patch_size})


@pytest.mark.parametrize("keep", [0, 10, 1000, -30])
def test_a_truncated_npz_is_refused(tmp_path: Path, keep: int):
    path = write_npz(tmp_path / "mine.npz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"complete \.npz") as caught:
        TASKS["npz"].load(options={"path": str(path)})
    assert "\n" not in str(caught.value)


def test_a_damaged_npz_is_refused(tmp_path: Path):
    path = write_npz(tmp_path / "mine.npz")
    raw = bytearray(path.read_bytes())
    raw[2000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"complete \.npz.*CRC"):
        TASKS["npz"].load(options={"path": str(path)})
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(DataError, match="single array"):
        TASKS["npz"].load(options={"path": str(tmp_path / "single.npy")})


def test_npz_path_is_asked_for_and_looked_up_in_data_root(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"^task\.options\.path"):
        TASKS["npz"].load(data_root=tmp_path)
    with pytest.raises(DataError, match="NASWEAVE_DATA"):
        TASKS["npz"].load(data_root=tmp_path, options={"path": "mine.npz"})
    write_npz(tmp_path / "mine.npz")
    data = TASKS["npz"].load(data_root=tmp_path, options={"path": "mine.npz"})
    assert [len(s) for s in (data.train, data.validation, data.test)] == [54, 6, 20]
    assert data.shape.grid == (2, 3) and data.shape.input_shape == (3, 8, 12)


def test_npz_with_a_validation_of_its_own_and_grey_floats(tmp_path: Path):
    good = arrays(shape=(8, 8))
    path = tmp_path / "mine.npz"
    np.savez_compressed(
        path,
        **{**good, "x_train": good["x_train"] / 255.0},
        x_validation=good["x_test"][:5] / np.float32(255),
        y_validation=good["y_test"][:5],
    )
    data = TASKS["npz"].load(options={"path": str(path)})
    assert [len(s) for s in (data.train, data.validation, data.test)] == [60, 5, 20]
    assert data.shape.input_shape == (1, 8, 8)
    wanted = good["x_train"] / 255.0
    np.testing.assert_allclose(data.train.inputs[:, 0], (wanted - wanted.mean()) / wanted.std(), atol=1e-4)


@pytest.mark.parametrize("damage", ["truncated", "no gzip", "short", "magic", "labels", "count", "class"])
def test_corrupt_idx_files_are_refused(tmp_path: Path, damage: str):
    folder = write_fashion_mnist(tmp_path)
    images, labels = (folder / f"train-{n}-ubyte.gz" for n in ("images-idx3", "labels-idx1"))
    raw = gzip.decompress(images.read_bytes())
    if damage == "truncated":
        images.write_bytes(images.read_bytes()[:-100])
    elif damage == "no gzip":
        images.write_bytes(raw)
    elif damage == "short":
        images.write_bytes(gzip.compress(raw[:-1], 1))
    elif damage == "magic":
        images.write_bytes(gzip.compress(b"\0\0\x0d\3" + raw[4:], 1))
    elif damage == "labels":
        labels.write_bytes(images.read_bytes())
    elif damage == "count":
        labels.write_bytes(gzip.compress(idx(np.arange(119) % 10), 1))
    else:
        labels.write_bytes(gzip.compress(idx(np.arange(120) % 11), 1))
    with pytest.raises(DataError, match="copy the original idx") as caught:
        TASKS["fashion_mnist"].load(data_root=tmp_path)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
