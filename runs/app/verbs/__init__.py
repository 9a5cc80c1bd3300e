"""The verbs of the command line: one a file, found by its file name, each a function of the workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from search_space.registry import Registry

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERBS", "VerbFunction"]

VerbFunction: TypeAlias = "Callable[[Workspace], None]"
VERBS: Registry[VerbFunction] = Registry("runs.app.verbs", "VERB")
