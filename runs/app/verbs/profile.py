"""Measure the blocks of the space on this machine, or write a bundle for another one and import its results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb, Word
from search_space.errors import ConfigError

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Measure the blocks of the space on this machine."""
    from runs.pipeline.plan import Plan
    from runs.pipeline.stages.bundle import EXPORT_BUNDLE, IMPORT_RESULTS
    from runs.pipeline.stages.phases.decoding import DECODE_PROFILE
    from runs.pipeline.stages.profile import PROFILE

    config = invocation.config.profile
    if config.bundle is not None and config.import_results is not None:
        raise ConfigError("bundle", expected="bundle= or import=", got="both", remedy="give one of them")
    plan = Plan(invocation.open())
    if config.bundle is not None:
        plan.run(EXPORT_BUNDLE)
    elif config.import_results is not None:
        plan.run(IMPORT_RESULTS)
    else:
        plan.run(PROFILE)
        plan.run(DECODE_PROFILE)


VERB = Verb(
    help="Measure the blocks of the space on this machine",
    run=run,
    words=(
        Word(name="time_budget", key="profile.time_budget", help="stop after this long, such as 90s, 5m or 1h"),
        Word(name="adapt", key="profile.adapt", help="a known device's profile: measure a few samples, predict others"),
        Word(name="samples", key="profile.samples", help="how many blocks and networks adapt measures (20)"),
        Word(name="bundle", key="profile.bundle", help="folder to write models and a program for another device to"),
        Word(name="import", key="profile.import_results", help="file that the program of a bundle wrote"),
        Word(name="memory", key="profile.memory", help="true measures the peak memory of whole networks too"),
        *CHECKPOINT_WORDS,
    ),
)
