"""What ``nasweave bench`` measures: one benchmark a file, found by its file name, each a function of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from search_space.registry import Registry

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["BENCHES", "BenchFunction"]

BenchFunction: TypeAlias = "Callable[[Invocation], None]"
BENCHES: Registry[BenchFunction] = Registry("runs.app.benches", "BENCH")
