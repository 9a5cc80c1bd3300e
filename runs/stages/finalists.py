"""Measure the networks of the front again on the device, and test them: the numbers that the report stands by.

This is the only place that reads the test split.
"""

from __future__ import annotations

from collections.abc import Sequence

from runs.progress import show_progress
from runs.stages.build import Builder
from runs.stages.front import best, choose, front
from runs.stages.once import once
from runs.stages.profile import is_foreign, measure, profile_key
from runs.stages.search import Searched, search
from runs.store import Candidate
from runs.workspace import Workspace
from search_space import Architecture
from search_space.errors import BudgetError
from supernet import extract
from supernet.training import evaluate

__all__ = ["remeasure"]


@once
def remeasure(workspace: Workspace) -> Searched:
    """Return the search with the finalists' test error and, on the profiled device, measured latency in the store.

    A finalist that was measured before is not measured again.
    """
    searched = search(workspace)
    chosen = [c for c in _finalists(workspace, searched) if c.final is None]
    if chosen:
        latency_ms = {} if is_foreign(workspace) else _latencies(workspace, searched, chosen)
        with show_progress(workspace.console, "test finalists") as progress:
            for i, candidate in enumerate(chosen):
                architecture = Architecture.from_json(candidate.architecture_json)
                network = extract(searched.supernet, architecture).eval()
                error = evaluate(network, data=workspace.data, split=workspace.data.test)
                final = {"test_error": error, **latency_ms.get(candidate.key, {})}
                workspace.store.set_final(workspace.run.id, candidate.key, final=final)
                progress(i + 1, len(chosen), f"test error {error:.1f} %")
    return searched


def _finalists(workspace: Workspace, searched: Searched) -> list[Candidate]:
    """Return the front, thinned evenly to the configured number, then the baselines that a reader compares with."""
    candidates = workspace.store.candidates(workspace.run.id, state="complete")
    members = front(candidates, searched.objectives, workspace.budget)
    limit = max(workspace.config.finalists, 2)
    step = max(1.0, (len(members) - 1) / (limit - 1))
    kept = {members[round(i * step)].key: members[round(i * step)] for i in range(min(limit, len(members)))}
    for label in ("knee", "best", "fastest"):
        try:
            candidate = choose(label, members, searched.objectives, workspace.budget)
        except BudgetError:
            continue  # nothing is within the budget; the report says so
        kept[candidate.key] = candidate
    by_key = {c.key: c for c in candidates}
    corners = (workspace.space.smallest.key, workspace.space.largest.key)
    kept |= {key: by_key[key] for key in corners if key in by_key}
    for keys in (searched.uniform, searched.random):
        group = [by_key[key] for key in keys if key in by_key]
        group = [c for c in group if workspace.budget.feasible(c.values)] or group
        if group:
            winner = best(group, searched.objectives)
            kept[winner.key] = winner
    return list(kept.values())


def _latencies(workspace: Workspace, searched: Searched, chosen: Sequence[Candidate]) -> dict[str, dict[str, float]]:
    architectures = [Architecture.from_json(c.architecture_json) for c in chosen]
    builder = Builder(workspace.space, batch_size=workspace.setting.batch_size, supernet=searched.supernet)
    key = f"{profile_key(workspace)}-run{workspace.run.id}"
    measured = measure(workspace, architectures, key=key, title="measure finalists", builder=builder)
    return {a.key: {"latency_ms": m.latency_ms, "latency_spread": m.spread} for a, m in measured.networks}
