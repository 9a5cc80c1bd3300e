"""The user's own pictures in folders, one a class: ``train/cat/1.png``, ``train/dog/7.jpg``, ...

Beside ``train`` there may be ``validation`` and ``test``, with the same classes; a tenth of the pictures is set aside
for each that is missing, stratified by class under a fixed seed. Without ``train``, the classes lie in ``path`` itself.
Pictures are scaled to ``image_size`` pixels a side. Needs Pillow: ``pip install 'nasweave[images]'``.

Convention: Paszke et al. 2019, PyTorch (torchvision's ``ImageFolder``).
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from search_space.errors import ConfigError, DataError, reason_of
from search_space.spec import Scalar
from supernet.tasks._base import Task, TaskData, find_path
from supernet.tasks._images import Labelled, image_data, split_off

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""What Pillow may read: others, such as EPS, are programs for an interpreter."""
_MOST_PIXELS = 80_000_000


class ImageFolder(Task):
    """Classification of the pictures in ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Scalar]] = {
        "path": "",
        "image_size": 32,
        "patch_size": 4,
        "grey": False,
        "shift": 2,
        "flip": True,
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and scale every picture."""
        if importlib.util.find_spec("PIL") is None:
            raise ConfigError(
                "task.name", expected="Pillow, to read pictures", got="none", remedy="pip install 'nasweave[images]'"
            )
        path = find_path(str(options["path"]), data_root, kind="a folder of pictures, one folder a class")
        size, grey = int(options["image_size"]), bool(options["grey"])
        if size < 2:
            raise ConfigError("task.options.image_size", expected="2 or more", got=str(size), remedy="correct it")
        folder = path / "train" if (path / "train").is_dir() else path
        classes = _classes(folder)
        train, others = _pictures(folder, classes, size=size, grey=grey), {}
        for name in ("test", "validation"):
            if folder != path and (path / name).is_dir():
                _check_classes(path / name, classes)
                others[name] = _pictures(path / name, classes, size=size, grey=grey)
            else:
                train, others[name] = _set_aside(train, classes, folder)
        return image_data(
            train,
            validation=others["validation"],
            test=others["test"],
            num_classes=len(classes),
            patch_size=int(options["patch_size"]),
            shift=int(options["shift"]),
            flip=bool(options["flip"]),
            before=[{"do": "resize", "mode": "L" if grey else "RGB", "size": [size, size], "resample": "bicubic"}],
            labels=classes,
        )


def _classes(folder: Path) -> list[str]:
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    if len(classes) < 2:
        raise DataError(
            str(folder),
            expected="two folders or more, one a class",
            got=", ".join(classes) or "none",
            remedy="put the pictures of each class into a folder of its name",
        )
    return classes


def _check_classes(folder: Path, classes: Sequence[str]) -> None:
    unseen = sorted({p.name for p in folder.iterdir() if p.is_dir()} - set(classes))
    if unseen:
        raise DataError(
            str(folder),
            expected="classes that train has too",
            got=f"{', '.join(unseen[:5])}, which it has not",
            remedy="add training pictures of them or remove them",
        )


def _pictures(folder: Path, classes: Sequence[str], *, size: int, grey: bool) -> Labelled:
    """Return every picture, ``(n, C, size, size)`` bytes, and its class."""
    images, labels = [], []
    for number, name in enumerate(classes):
        paths = sorted(p for p in (folder / name).glob("*") if p.suffix.lower() in _SUFFIXES)
        for path in paths:
            pixels = _pixels(path, size=size, grey=grey)
            images.append(pixels[None] if grey else pixels.transpose(2, 0, 1))
            labels.append(number)
        if not paths and folder.name not in ("validation", "test"):
            raise DataError(
                str(folder / name),
                expected=f"pictures ({', '.join(_SUFFIXES)})",
                got="none",
                remedy="add some, or remove the folder",
            )
    if not images:
        raise DataError(str(folder), expected="pictures", got="none", remedy="add some, or remove the folder")
    return np.stack(images), np.array(labels, np.int64)


def _pixels(path: Path, *, size: int, grey: bool) -> NDArray[np.uint8]:
    """Return one picture in bytes, ``(size, size)`` or ``(size, size, 3)``; its format is data, and no program."""
    from PIL import Image

    try:
        if not path.is_file():  # one would wait at a pipe for ever
            raise ValueError("no file" if path.exists() else "a link to nothing")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise ValueError(f"{picture.width} x {picture.height} pixels")
                if picture.mode.startswith(("I", "F")):  # which Pillow would clip to white
                    raise ValueError(f"more than 8 bits a channel (mode {picture.mode})")
                scaled = picture.convert("L" if grey else "RGB").resize((size, size), Image.Resampling.BICUBIC)
    except Exception as error:  # what a parser makes of bytes that are no picture is of any kind
        raise DataError(
            str(path),
            expected=f"a picture ({', '.join(_FORMATS)}) of 8 bits, at most {_MOST_PIXELS // 10**6} million pixels",
            got=reason_of(error),
            remedy="convert, replace or remove the file",
        ) from error
    return np.asarray(scaled, np.uint8)


def _set_aside(train: Labelled, classes: Sequence[str], folder: Path) -> tuple[Labelled, Labelled]:
    counts = np.bincount(train[1], minlength=len(classes))
    size = max(round(0.1 * len(train[1])), len(classes))
    if counts.min() < 3 or len(train[1]) - size < len(classes):
        raise DataError(
            str(folder / classes[int(counts.argmin())]),
            expected="three pictures or more, to set some aside for validation and test",
            got=str(counts.min()),
            remedy="add pictures, or folders validation and test beside train",
        )
    return split_off(train, size=size)


TASK = ImageFolder
