"""One job of a verb: the typed configuration, the run's folder with its record, and the verb itself."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TextIO

from omegaconf import DictConfig

from runs.app.arguments import Override
from runs.app.config import from_hydra
from runs.app.console.interruption import interruptible
from runs.app.console.reporter import TerminalReporter
from runs.app.invocation import Invocation
from runs.app.record import Asked, recorded, redacted_words
from runs.app.verbs import VERBS
from runs.pipeline.context import Command
from runs.pipeline.run_folder import sweep_folder
from runs.reporter import Reporter
from runs.store.secrets import redacted

__all__ = ["execute", "report_warnings"]


def execute(
    verb: str,
    composed: DictConfig,
    *,
    overrides: Sequence[Override],
    swept: Mapping[str, str],
    told_to: Callable[[Reporter], Reporter] | None = None,
) -> None:
    """Do what a verb does under one composed configuration.

    Parameters
    ----------
    verb
        Its name.
    composed
        What Hydra composed.
    overrides
        What the user typed, of this job alone.
    swept
        The keys, with their values, in which this job differs from the others of its multirun.
    told_to
        Gives who is told of progress, and tells the terminal too; the terminal alone when ``None``.

    Raises
    ------
    NasweaveError
        What a user can mend.
    """
    report_warnings()
    declared = VERBS[verb]
    assert declared.run is not None
    config = from_hydra(composed)
    swept = {} if declared.joins else swept
    folder = sweep_folder(outputs=config.outputs, task=config.task.name, name=config.name, swept=swept)
    command = Command(verb=verb, overrides=redacted_words(overrides))
    terminal = TerminalReporter()
    reporter = terminal if told_to is None else told_to(terminal)
    with ExitStack() as stack:
        if not declared.only_reads(config):
            folder.mkdir(parents=True, exist_ok=True)
            if not declared.joins and os.environ.get("RANK", "0") == "0":
                stack.enter_context(recorded(folder, Asked(config=config, words=command.overrides)))
        stack.enter_context(interruptible(terminal.how_far))
        declared.run(Invocation(config=config, folder=folder, command=command, reporter=reporter))


def report_warnings() -> None:
    """Show what the library logs as warnings, a line each, without passwords."""
    handler = _ToStandardError()
    handler.setFormatter(_Redacted("nasweave: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _ToStandardError(logging.StreamHandler[TextIO]):
    """Writes to standard error as it is now, which a program may replace between two commands."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self.stream = sys.stderr
        super().emit(record)


class _Redacted(logging.Formatter):
    """Blots passwords out of every line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record))
