"""The network of a run that ``key`` names."""

from __future__ import annotations

from runs.objectives.front import choose, front
from runs.pipeline.stages.search import Searched, found_candidates
from runs.pipeline.workspace import Workspace
from runs.store import Candidate

__all__ = ["chosen"]


def chosen(workspace: Workspace, searched: Searched) -> Candidate:
    """Return the evaluated network with that key, or the front network that ``knee``, ``best`` and so on name."""
    key = workspace.config.key
    direct = workspace.store.candidate(workspace.run.id, key)
    if direct is not None and direct.state == "complete":
        return direct
    members = front(found_candidates(workspace, searched), searched.objectives, workspace.budget)
    return choose(key, members, searched.objectives, workspace.budget)
