"""Measure the blocks of the space on this machine, or write a bundle for another one and import its results."""

from __future__ import annotations

from pathlib import Path

from runs.pipeline import stages
from runs.pipeline.stages.bundle import export_bundle, import_results
from runs.pipeline.workspace import Workspace
from search_space.errors import ConfigError

__all__ = ["VERB"]


def profile(workspace: Workspace) -> None:
    """Measure the blocks of the space on this machine."""
    config = workspace.config.profile
    if config.bundle is not None and config.import_results is not None:
        raise ConfigError("bundle", expected="bundle= or import=", got="both", remedy="give one of them")
    if config.bundle is not None:
        export_bundle(workspace, Path(config.bundle))
    elif config.import_results is not None:
        import_results(workspace, Path(config.import_results))
    else:
        stages.profile(workspace)


VERB = profile
