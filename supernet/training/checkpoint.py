"""Checkpoints of a training: one safetensors file with weights, averaged weights and moments, and a JSON header.

Batches, subnets and augmentation are functions of (seed, step), so the step is all the randomness there is to store.
The header names what was trained, so that a file is never continued with anything else, and holds a hash of everything.
It also says with which threads, processes, device and PyTorch: those decide rounding, so another one is logged.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hardware_profiles.atomic import write_atomically
from search_space.errors import CheckpointError, reason_of
from search_space.schema import integer, optional, parse_json, record, scalar, table, text, word
from supernet.training.config import TrainingConfig

__all__ = ["FILE", "SCHEMA_VERSION", "Checkpoint", "is_finished", "load_checkpoint", "save_checkpoint", "writing"]

FILE = "checkpoint.safetensors"
SCHEMA_VERSION = 2
_FORMAT = "nasweave.training"
_setting = optional(scalar)
_HEADER = record(
    {
        "step": integer(0, 2**62),
        "space": text(longest=200),
        "data": text(longest=200),
        "config": table(word, lambda value: value if isinstance(value, list | dict) else _setting(value), most=200),
        "numerics": table(word, _setting, most=50),
    }
)
logger = logging.getLogger("nasweave.supernet")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The state of a training after ``step`` updates.

    Parameters
    ----------
    space, data
        Fingerprint of the space, with the key and the origin of a single network after it, and hash of the data.
    config
        The hyperparameters, as a mapping.
    numerics
        What else decides the last bits of the result, by name: version of PyTorch, device, threads, processes.
    tensors
        Everything to restore, under names with a prefix that says what it is.
    """

    step: int
    space: str
    data: str
    config: Mapping[str, Any]
    numerics: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return bool(self.step == self.config["steps"])

    def check(self, *, where: Path, space: str, config: TrainingConfig | None, data: str | None) -> None:
        """Raise ``CheckpointError`` naming the first difference to what is to be continued or loaded."""
        pairs: list[tuple[str, Any, Any]] = [("space.fingerprint", space, self.space)]
        if data is not None:
            pairs.append(("data_hash", data, self.data))
        if config is not None:
            wanted = asdict(config)
            pairs += [(f"training.{k}", wanted.get(k), self.config.get(k)) for k in {**wanted, **self.config}]
        for name, expected, got in pairs:
            if expected != got or type(expected) is not type(got):
                raise CheckpointError(
                    f"{where}: {name}",
                    expected=repr(expected),
                    got=repr(got),
                    remedy="restore what it was trained with, or train into another folder",
                )

    def warn_of_other_numerics(self, numerics: Mapping[str, Any], *, where: Path) -> None:
        """Log a warning of what differs from how the file was trained and can change rounding."""
        names = sorted({**numerics, **self.numerics})
        differing = [n for n in names if numerics.get(n) != self.numerics.get(n)]
        if differing:
            logger.warning(
                "%s: trained with %s, continuing with %s: results can differ in their last digits from those of an "
                "uninterrupted training",
                where,
                ", ".join(f"{n} {self.numerics.get(n)}" for n in differing),
                ", ".join(f"{n} {numerics.get(n)}" for n in differing),
            )


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name].numpy()
        digest.update(f"{name} {array.shape} {array.dtype}".encode())
        digest.update(array.reshape(-1).data)
    return digest.hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` into a ``CheckpointError`` that says what cannot be written."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            str(path),
            expected="to write it",
            got=str(error.strerror or error),
            remedy="free some space or choose another folder; the same command then continues",
        ) from error


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file as a whole; raises ``CheckpointError`` when it cannot be written."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in checkpoint.tensors.items()}
    header: dict[str, Any] = {
        "format": _FORMAT,
        "schema": SCHEMA_VERSION,
        "step": checkpoint.step,
        "space": checkpoint.space,
        "data": checkpoint.data,
        "config": dict(checkpoint.config),
        "numerics": dict(checkpoint.numerics),
    }
    header["sha256"] = _digest(header, tensors)
    with writing(path):
        write_atomically(path, save(tensors, metadata={"nasweave": json.dumps(header)}))


def is_finished(path: Path) -> bool:
    """Return whether a file says of itself that all steps are done; it is not verified as a whole."""
    try:
        with safe_open(path, "pt") as file:
            header = parse_json((file.metadata() or {})["nasweave"])
        return bool(header["step"] == header["config"]["steps"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return False


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a file; raises ``CheckpointError`` for one that is missing, truncated, changed or foreign."""

    def refuse(expected: str, got: str, remedy: str) -> CheckpointError:
        return CheckpointError(str(path), expected=expected, got=got, remedy=remedy)

    again = "restore it, or remove the folder to train again"
    try:
        with safe_open(path, "pt") as file:
            header = parse_json((file.metadata() or {})["nasweave"])
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
        found = (header.pop("format"), header.pop("schema"))
        if found != (_FORMAT, SCHEMA_VERSION):
            raise refuse(
                f"{_FORMAT} schema {SCHEMA_VERSION}", f"{found[0]} {found[1]}", "load it with the version that wrote it"
            )
        sha256 = header.pop("sha256")
        whole = {"format": _FORMAT, "schema": SCHEMA_VERSION, **header}
        if _digest(whole, tensors) != sha256:
            raise refuse("the contents that were saved", "others", again)
        return Checkpoint(tensors=tensors, **_HEADER(header))
    except FileNotFoundError:
        raise refuse("a checkpoint", "no file", "train first") from None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise refuse("a complete checkpoint of a training", reason_of(error), again) from error
