"""Small data sets on disk, in the formats that the tasks read."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_fashion_mnist(root: Path, *, seed: int = 0) -> Path:
    """Write 120 training and 40 test images."""
    rng = np.random.default_rng(seed)
    folder = root / "fashion_mnist"
    folder.mkdir(exist_ok=True)
    for name, n in (("train", 120), ("t10k", 40)):
        labels = np.arange(n) % 10
        images = rng.integers(0, 256, (n, 28, 28))
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images), 1))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels), 1))
    return folder


def arrays(*, n: int = 60, shape: tuple[int, ...] = (3, 8, 12), classes: int = 3, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "x_train": rng.integers(0, 256, (n, *shape), dtype=np.uint8),
        "y_train": np.arange(n) % classes,
        "x_test": rng.integers(0, 256, (n // 3, *shape), dtype=np.uint8),
        "y_test": np.arange(n // 3) % classes,
    }


def write_npz(path: Path, **changes: Any) -> Path:
    """Write good arrays with some of them replaced, or left out where ``None``."""
    np.savez(path, **{k: v for k, v in {**arrays(), **changes}.items() if v is not None})
    return path
