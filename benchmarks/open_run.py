"""A run's workspace from overrides as a user types them: benchmarks work on the very objects that verbs work on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_module
from rich.console import Console

from runs.app.cli import readable
from runs.app.config import from_hydra
from runs.pipeline.workspace import Workspace

__all__ = ["open_run"]


def open_run(overrides: Sequence[str], *, verb: str = "search") -> Workspace:
    """Return the workspace of ``nasweave VERB OVERRIDES...``; messages go to standard error."""
    with initialize_config_module("hydra_conf", version_base="1.3"):
        config = from_hydra(compose("config", overrides=[readable(o) for o in overrides]))
    folder = Path(config.outputs) / config.task.name / config.name
    return Workspace(config, folder=folder, verb=verb, overrides=tuple(overrides), console=Console(stderr=True))
