"""A run's context from overrides as a user types them: benchmarks work on the very values that verbs work on."""

from __future__ import annotations

from collections.abc import Sequence

from runs.app.compose import compose
from runs.app.console.reporter import TerminalReporter
from runs.pipeline.context import Command, Context, open_context

__all__ = ["open_run"]


def open_run(overrides: Sequence[str], *, verb: str = "search") -> Context:
    """Return the context of ``nasweave VERB search=nasweave OVERRIDES...``; messages go to standard error.

    The benchmarks that open a run in this way measure supernets and what is found with them.
    """
    config = compose(overrides=["search=nasweave", *overrides])
    return open_context(config, command=Command(verb=verb, overrides=tuple(overrides)), reporter=TerminalReporter())
