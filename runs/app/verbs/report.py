"""Write the report of the search, or compare several; what a report needs first is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runs.app.verb import CHECKPOINT_WORDS, Verb

if TYPE_CHECKING:
    from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def run(workspace: Workspace) -> None:
    """Write the report of the search, or with compare=[a,b] of several."""
    from runs.pipeline import stages

    if workspace.config.compare:
        stages.compare(workspace)
    else:
        stages.report(workspace)


VERB = Verb(
    help="Write the report of the search, or with compare=[a,b] of several",
    run=run,
    words=CHECKPOINT_WORDS,
    only_reads=lambda config: bool(config.compare),  # the folder of a run stays as it is
)
