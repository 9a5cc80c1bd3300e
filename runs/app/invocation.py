"""One call of a verb: the configuration with what the user typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runs.pipeline.config import Config
from runs.pipeline.context import Command, Context, open_context
from runs.reporter import Reporter

__all__ = ["Invocation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """What a verb is called with."""

    config: Config
    folder: Path
    command: Command
    reporter: Reporter

    def open(self) -> Context:
        """Return the run's values, checked; a verb that reads no data leaves them closed."""
        return open_context(self.config, folder=self.folder, command=self.command, reporter=self.reporter)
