"""A checkpoint on disk as Hugging Face lays it out: ``config.json`` and safetensors, whole or in shards.

Nothing of it is trusted: a wrong name, type or shape is one line that says what and where. Pickled weights are not
read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from search_space.errors import CheckpointError, reason_of
from search_space.schema import is_file_name, parse_json, read_file

__all__ = [
    "CONFIG",
    "SentenceFiles",
    "Settings",
    "Tensors",
    "content_hash",
    "read_settings",
    "read_tensors",
]

CONFIG, WHOLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_POOLING = "1_Pooling/config.json"
_MODES = {"pooling_mode_mean_tokens": "mean_pooling", "pooling_mode_cls_token": "cls_pooling"}
_MODULES, _KNOWN = "modules.json", ("Transformer", "Pooling", "Normalize")
_LENGTH = "sentence_bert_config.json"
_MOST_JSON_BYTES = 2**26
_AGAIN = "copy the checkpoint again, or save it with save_pretrained"


class Settings:
    """The entries of ``config.json``.

    Parameters
    ----------
    values
        The mapping as stored.
    where
        The file, for messages.
    """

    def __init__(self, values: Mapping[str, Any], *, where: str) -> None:
        self.values, self.where = values, where

    def size(self, name: str, default: int | None = None, *, least: int = 1) -> int:
        """Return an integer of at least so much; raises ``CheckpointError`` for anything else."""
        value = self.values.get(name)
        value = default if value is None else value
        if type(value) is not int or value < least:
            expected = "a positive integer" if least == 1 else f"an integer from {least} on"
            raise self._refused(name, expected, value, _AGAIN)
        return value

    def number(self, name: str, default: float) -> float:
        """Return a positive number; raises ``CheckpointError`` for anything else."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise self._refused(name, "a positive number", value, _AGAIN)
        return float(value)

    def choice(self, name: str, known: Mapping[Any, str], default: object) -> str:
        """Return what ``known`` has for the entry; raises ``CheckpointError`` where it has nothing."""
        value = self.values.get(name, default)
        if not isinstance(value, str | bool | int | None) or value not in known:
            raise self._refused(name, " or ".join(map(repr, known)), value, "choose a checkpoint of that kind")
        return known[value]

    def only(self, name: str, value: object, *, default: object = None) -> None:
        """Raise ``CheckpointError`` unless the entry is ``value``; one that is absent or null is ``default``."""
        found = self.values.get(name)
        found = default if found is None else found
        if found != value:
            raise self._refused(name, repr(value), found, "choose a checkpoint without it")

    def _refused(self, name: str, expected: str, got: object, remedy: str) -> CheckpointError:
        return CheckpointError(f"{self.where}: {name}", expected=expected, got=repr(got), remedy=remedy)


class Tensors:
    """The weights by name, each of the shape that is asked for.

    Parameters
    ----------
    values
        The tensors by name.
    where
        The folder, for messages.
    """

    def __init__(self, values: Mapping[str, Tensor], *, where: str) -> None:
        self.values, self.where = values, where

    def without(self, prefix: str) -> Tensors:
        """Return the same with names relative to a model that a larger one may contain under ``prefix``."""
        return Tensors({name.removeprefix(prefix): tensor for name, tensor in self.values.items()}, where=self.where)

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def rows(self, name: str) -> int:
        """Return the size of the first axis of a tensor that may be of several, 0 where there is none."""
        tensor = self.values.get(name)
        return 0 if tensor is None or not tensor.ndim else tensor.shape[0]

    def take(self, name: str, *shape: int) -> Tensor:
        """Return one tensor in float32; raises ``CheckpointError`` where it is missing or of another shape."""
        tensor = self.values.get(name)
        if tensor is None or tuple(tensor.shape) != shape or not tensor.is_floating_point():
            got = "none" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
            raise CheckpointError(
                f"{self.where}: {name}", expected=f"floating-point weights {list(shape)}", got=got, remedy=_AGAIN
            )
        return tensor.float()

    def linear(self, target: str, name: str, out_features: int, in_features: int) -> dict[str, Tensor]:
        """Return weight ``(out, in)`` and bias ``(out,)`` under our names; a bias that is not there is zero."""
        bias = f"{name}.bias"
        return {
            f"{target}.weight": self.take(f"{name}.weight", out_features, in_features),
            f"{target}.bias": self.take(bias, out_features) if bias in self else torch.zeros(out_features),
        }

    def norm(self, target: str, name: str, width: int, *, shift: bool = True) -> dict[str, Tensor]:
        """Return scale and shift ``(width,)`` under our names."""
        scale = {f"{target}.weight": self.take(f"{name}.weight", width)}
        return scale | ({f"{target}.bias": self.take(f"{name}.bias", width)} if shift else {})

    def classifier(self, name: str, width: int) -> dict[str, Tensor]:
        """Return a last linear layer of any number of outputs as ``project``; nothing where there is none."""
        weight = f"{name}.weight"
        return self.linear("project", name, self.rows(weight), width) if weight in self else {}


def read_settings(folder: Path) -> Settings:
    """Return ``config.json``; raises ``CheckpointError`` where it is missing or no JSON object."""
    path = folder / CONFIG
    values = _json(path)
    if not isinstance(values, Mapping):
        raise CheckpointError(str(path), expected="a JSON object", got=type(values).__name__, remedy=_AGAIN)
    return Settings(values, where=str(path))


class SentenceFiles:
    """What sentence-transformers writes beside an encoder of sentences; a checkpoint may have none of it.

    Parameters
    ----------
    folder
        Of the checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def pooling(self) -> str | None:
        """The head that pools as it does, ``None`` where nothing is said.

        Raises
        ------
        CheckpointError
            It pools in a way that we do not compute.
        """
        path = self.folder / _POOLING
        if not path.exists():
            return None
        on = [name for name, value in _object(path).items() if name.startswith("pooling_mode") and value is True]
        if len(on) != 1 or on[0] not in _MODES:
            raise CheckpointError(
                str(path), expected=f"one of {', '.join(_MODES)}", got=", ".join(on) or "none", remedy="set space.head"
            )
        return _MODES[on[0]]

    @property
    def longest(self) -> int | None:
        """The ids of a text that it looks at, ``None`` where nothing is said."""
        path = self.folder / _LENGTH
        settings = Settings(_object(path) if path.exists() else {}, where=str(path))
        return None if settings.values.get("max_seq_length") is None else settings.size("max_seq_length")

    def check_modules(self) -> None:
        """Raise ``CheckpointError`` for one that does more than pool and normalise what its layers give."""
        path = self.folder / _MODULES
        modules = _json(path) if path.exists() else []
        kinds = [
            m.get("type") if isinstance(m, Mapping) else m for m in (modules if isinstance(modules, list) else [0])
        ]
        unknown = [repr(kind)[:60] for kind in kinds if str(kind).rpartition(".")[2] not in _KNOWN]
        if unknown:
            raise CheckpointError(
                str(path),
                expected=f"modules of {', '.join(_KNOWN)}",
                got=unknown[0],
                remedy="choose another checkpoint",
            )


def _object(path: Path) -> Mapping[str, Any]:
    values = _json(path)
    return values if isinstance(values, Mapping) else {}


def read_tensors(folder: Path) -> Tensors:
    """Return all weights; raises ``CheckpointError`` where a file is missing or damaged."""
    values: dict[str, Tensor] = {}
    for path in _weight_files(folder):
        try:
            with safe_open(path, "pt") as file:
                values |= {name: file.get_tensor(name) for name in sorted(file.keys())}
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                str(path), expected="a complete safetensors file", got=reason_of(error), remedy=_AGAIN
            ) from error
    return Tensors(values, where=str(folder))


def content_hash(folder: Path) -> str:
    """Return twelve hexadecimal digits of the configuration and all weights as they lie on the disk."""
    digest = hashlib.sha256()
    for path in (folder / CONFIG, *_weight_files(folder)):
        if path.exists() and not path.is_file():  # a pipe would be waited for, a device has no end
            raise CheckpointError(str(path), expected="a regular file", got="something else", remedy=_AGAIN)
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise _missing(path, error) from error
    return digest.hexdigest()[:12]


def _weight_files(folder: Path) -> list[Path]:
    if not (folder / INDEX).exists():
        if not (folder / WHOLE).exists():
            pickled = sorted(path.name for path in folder.glob("*") if path.suffix in _PICKLED)
            got = f"{pickled[0]}, which is pickled and never loaded" if pickled else "none"
            got = got if folder.is_dir() else f"no folder {folder}"
            raise CheckpointError(
                str(folder / WHOLE), expected="the weights", got=got, remedy="correct init.path, or save as safetensors"
            )
        return [folder / WHOLE]
    index = _json(folder / INDEX)
    names = index.get("weight_map") if isinstance(index, Mapping) else None
    shards = set(names.values()) if isinstance(names, Mapping) else set()
    if not shards or not all(is_file_name(s) for s in shards):
        raise CheckpointError(
            str(folder / INDEX), expected="a weight_map to files beside it", got=repr(names)[:60], remedy=_AGAIN
        )
    return [folder / shard for shard in sorted(shards)]


def _json(path: Path) -> Any:
    try:
        return parse_json(read_file(path, most_bytes=_MOST_JSON_BYTES))
    except OSError as error:
        raise _missing(path, error) from error
    except ValueError as error:
        raise CheckpointError(str(path), expected="JSON", got=reason_of(error), remedy=_AGAIN) from error


def _missing(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        str(path), expected="a file of a checkpoint", got=error.strerror or str(error), remedy="correct init.path"
    )
