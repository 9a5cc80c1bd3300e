"""What a run from Python tells: nothing, or what the command line does."""

from __future__ import annotations

import logging

from runs.reporter import Reporter, SilentReporter

__all__ = ["reporter"]


def reporter(*, progress: bool) -> Reporter:
    """Return where progress goes: nowhere, or to the terminal, warnings too unless the program has set logging up."""
    if not progress:
        return SilentReporter()
    from runs.app.console.reporter import TerminalReporter

    log = logging.getLogger("nasweave")
    if not logging.getLogger().handlers and not any(isinstance(h, logging.StreamHandler) for h in log.handlers):
        log.addHandler(logging.StreamHandler())
    return TerminalReporter()
