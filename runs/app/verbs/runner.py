"""Do what a service was asked for, on this machine."""

from __future__ import annotations

from runs.app.verb import Verb
from runs.service.settings import RunnerSettings, needed_packages

__all__ = ["VERB"]


def begin(settings: RunnerSettings) -> None:
    """Take jobs until the process is stopped or drained."""
    with needed_packages("runner"):
        from runs.service.runner.loop import run

    run(settings)


VERB = Verb(help="Do on this machine what a service was asked for", settings=RunnerSettings, begin=begin)
