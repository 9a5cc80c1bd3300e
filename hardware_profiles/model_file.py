"""A saved model that is open: its bytes and what they compute. Needs numpy alone, so that a bundle carries it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hardware_profiles.atomic import write_atomically

__all__ = ["ModelFile"]


class ModelFile:
    """An executable that is one file.

    Parameters
    ----------
    content
        The bytes of the file.
    predict
        What a runtime's ``open_model`` made of them.
    """

    def __init__(self, content: bytes, predict: Callable[[Any], Any]) -> None:
        self._content, self._predict = content, predict

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return len(self._content)

    def run(self, batch: Any) -> Any:
        """Run on an array ``(B, ...)``, or on arrays by name."""
        return self._predict(batch)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_atomically(path, self._content)
