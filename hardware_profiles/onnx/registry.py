"""PyTorch's table from its operators to ONNX, made once a process.

Its exporter parses the sources of some five hundred translations anew for every export: half of the time that a block
takes. The class that holds the table is not public, and no argument of ``torch.onnx.export`` takes a table that is made
already: this module alone touches it. It was written for PyTorch 2.9 to 2.13; where a version lacks the class, exports
take their usual time, and ``tests/hardware_profiles/test_onnx_registry.py`` fails.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

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

    own = vars(ONNXRegistry)["from_torchlib"]
    ONNXRegistry.from_torchlib = staticmethod(copied)  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        ONNXRegistry.from_torchlib = own  # type: ignore[method-assign]


@cache
def _made(make: Any, options: tuple[tuple[str, Any], ...]) -> Any:
    return make(**dict(options))
