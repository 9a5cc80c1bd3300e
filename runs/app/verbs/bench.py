"""Run one benchmark of ``runs.app.benches``: ``nasweave bench predictor``, ``nasweave bench export DIR``."""

from __future__ import annotations

from runs.app.benches import BENCHES
from runs.pipeline.workspace import Workspace

__all__ = ["VERB"]


def bench(workspace: Workspace) -> None:
    """Measure how good the predictor is (predictor), or how fast an exported folder is (export DIR)."""
    BENCHES[workspace.config.bench.what](workspace)


VERB = bench
