"""Write the report of the search, or compare several; what a report needs first is done first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.app.invocation import Invocation

__all__ = ["VERB"]


def run(invocation: Invocation) -> None:
    """Write the report of the search, or with compare=[a,b] of several."""
    from runs.pipeline.compare import compare
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.report import REPORT
    from runs.store import Store

    config = invocation.config
    if not config.compare:
        plan_of(invocation.open()).run(REPORT)
        return
    page = compare(
        Store.open(config.store),
        config.compare,
        task=config.task.name,
        outputs=Path(config.outputs),
        command=invocation.command.text,
    )
    invocation.reporter.message(f"comparison: {page}")


VERB = Verb(
    help="Write the report of the search, or with compare=[a,b] of several",
    run=run,
    words=CHECKPOINT_WORDS,
    only_reads=lambda config: bool(config.compare),  # the folder of a run stays as it is
)
