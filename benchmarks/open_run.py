"""A run's context from overrides as a user types them: benchmarks work on the very values that verbs work on."""

from __future__ import annotations

from collections.abc import Sequence

from hydra import compose, initialize_config_module

from runs.app.cli import readable
from runs.app.config import from_hydra
from runs.app.terminal import TerminalReporter
from runs.pipeline.context import Command, Context, open_context

__all__ = ["open_run"]


def open_run(overrides: Sequence[str], *, verb: str = "search") -> Context:
    """Return the context of ``nasweave VERB OVERRIDES...``; messages go to standard error."""
    with initialize_config_module("hydra_conf", version_base="1.3"):
        config = from_hydra(compose("config", overrides=[readable(o) for o in overrides]))
    return open_context(config, command=Command(verb=verb, overrides=tuple(overrides)), reporter=TerminalReporter())
