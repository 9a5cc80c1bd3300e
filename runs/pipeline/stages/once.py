"""Stages call what they need; within one command each stage is done once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar, cast

from runs.pipeline.workspace import Workspace

__all__ = ["once"]

T = TypeVar("T")


def once(stage: Callable[[Workspace], T]) -> Callable[[Workspace], T]:
    """Keep the stage's result in the workspace."""

    @functools.wraps(stage)
    def remembered(workspace: Workspace) -> T:
        if stage.__name__ not in workspace.results:
            workspace.results[stage.__name__] = stage(workspace)
        return cast(T, workspace.results[stage.__name__])

    return remembered
