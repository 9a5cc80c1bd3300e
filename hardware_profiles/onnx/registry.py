"""PyTorch's table from its operators to ONNX, made once a process.

Its exporter parses the sources of some five hundred translations anew for every export: half of the time that a block
takes. The class that holds the table is not public; where a version of PyTorch lacks it, nothing is changed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

__all__ = ["table_made_once"]


@contextmanager
def table_made_once() -> Iterator[None]:
    """Let exports within begin with a copy of the table that the first one made."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        make = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        yield
        return

    def copied(**options: Any) -> Any:
        made = _made(make, tuple(sorted(options.items())))
        table = copy.copy(made)
        table.functions = {target: list(functions) for target, functions in made.functions.items()}
        return table

    with patch.object(ONNXRegistry, "from_torchlib", staticmethod(copied)):
        yield


@cache
def _made(make: Any, options: tuple[tuple[str, Any], ...]) -> Any:
    return make(**dict(options))
