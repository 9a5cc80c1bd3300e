"""Run one benchmark of ``runs.app.benches``: ``nasweave bench predictor``, ``nasweave bench export DIR``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import JSON_FLAG, Verb, Word
from search_space.errors import ConfigError

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Measure how good the predictor is (predictor), or how fast an exported folder is (export DIR)."""
    from runs.app.benches import BENCHES

    what = invocation.config.bench.what
    if what not in BENCHES:
        raise ConfigError(
            "bench.what", expected=f"one of {', '.join(BENCHES)}", got=repr(what), remedy="correct the name"
        )
    BENCHES[what](invocation)


VERB = Verb(
    help="Measure how good the predictor is (predictor), or how fast an exported folder is (export DIR)",
    run=run,
    words=(
        Word(name="what", key="bench.what", help="predictor, or export", positional=True),
        Word(name="path", key="bench.path", help="exported folder to measure in place of the run", positional=True),
        Word(name="batch", key="bench.batch", help="batch sizes, such as [1,16]"),
        Word(name="seconds", key="bench.seconds", help="time for each batch size"),
        Word(name="json", key="bench.json", help=JSON_FLAG, flag=True),
    ),
    only_reads=lambda config: config.bench.path is not None,  # what was exported, not a run
)
