"""Measure the networks of the front again on the device, and test them: the numbers that the report stands by.

This is the only place that reads the test split.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runs.evaluation.network import network_of
from runs.lock import exclusive
from runs.objectives import is_partial
from runs.objectives.front import best, choose, front
from runs.pipeline.stages.build import Builder
from runs.pipeline.stages.once import once
from runs.pipeline.stages.profile import is_foreign, measure, profile_key
from runs.pipeline.stages.search import Searched, found_candidates, search
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.store import Candidate
from search_space import Architecture
from search_space.errors import BudgetError
from supernet.calibration import calibrate
from supernet.training import evaluate

__all__ = ["remeasure"]

_ROUNDS = 3  # of measuring, so that another process disturbs one of them


@once
def remeasure(workspace: Workspace) -> Searched:
    """Return the search with the finalists' test error and, on the profiled device, measured latency in the store.

    A finalist that was measured before is not measured again.
    """
    searched = search(workspace)
    foreign = is_foreign(workspace, searched.profile)
    with exclusive(workspace.folder / ".lock"):
        finals = [(c, c.final or {}) for c in _finalists(workspace, searched)]
        untimed = [c for c, final in finals if not foreign and "latency_ms" not in final]
        measured = _measured(workspace, searched, untimed) if untimed else {}
        chosen = [(c, final) for c, final in finals if c in untimed or "test_error" not in final]
        with show_progress(workspace.console, "test finalists") as progress:
            for i, (candidate, final) in enumerate(chosen):
                errors = {} if "test_error" in final else _errors(workspace, candidate)
                new = {**final, **measured.get(candidate.key, {}), **errors}
                error = new["test_error"]
                workspace.store.set_final(workspace.run.id, candidate.key, final=new)
                progress(i + 1, len(chosen), f"test {workspace.data.metric} {workspace.data.metric_text(error)}")
    return searched


def _errors(workspace: Workspace, candidate: Candidate) -> dict[str, float]:
    """Return the test error, and the validation error where the search saw less, or not these very weights exactly."""
    architecture = Architecture.from_json(candidate.architecture_json)
    network = calibrate(network_of(workspace, architecture, keep=True), workspace.data)
    errors = {"test_error": evaluate(network, data=workspace.data, split=workspace.data.test)}
    config = workspace.config.evaluation
    if config.bf16 or config.examples is not None or config.finetune_steps or is_partial(candidate.values):
        errors["validation_error"] = evaluate(network, data=workspace.data, split=workspace.data.validation)
    return errors


def _finalists(workspace: Workspace, searched: Searched) -> list[Candidate]:
    """Return the front, thinned evenly to the configured number, and what a reader compares with or asked for."""
    candidates = found_candidates(workspace, searched)
    members = front(candidates, searched.objectives, workspace.budget)
    picked = np.linspace(0, len(members) - 1, min(workspace.config.finalists, len(members))).round().astype(int)
    kept = {members[i].key: members[i] for i in picked}
    for label in ("knee", "best", "fastest"):
        try:
            candidate = choose(label, members, searched.objectives, workspace.budget)
        except BudgetError:
            continue  # nothing is within the budget; the report says so
        kept[candidate.key] = candidate
    by_key = {c.key: c for c in candidates}
    named = (workspace.config.key, workspace.space.smallest.key, workspace.space.largest.key)
    kept |= {key: by_key[key] for key in named if key in by_key}
    for keys in (searched.uniform, searched.random):
        group = [by_key[key] for key in keys if key in by_key]
        group = [c for c in group if workspace.budget.feasible(c.values)] or group
        if group:
            winner = best(group, searched.objectives)
            kept[winner.key] = winner
    return list(kept.values())


def _measured(workspace: Workspace, searched: Searched, chosen: Sequence[Candidate]) -> dict[str, dict[str, float]]:
    measured = measure(
        workspace,
        [Architecture.from_json(c.architecture_json) for c in chosen],
        key=f"{profile_key(workspace)}-run{workspace.run.id}",
        title="measure finalists",
        builder=Builder(workspace.space, batch_size=workspace.setting.batch_size, supernet=searched.supernet),
        # Drift is relative to the profile's own start, so that predictions and measurements share one scale.
        baseline_ms=searched.profile.baseline_ms,
        rounds=_ROUNDS,
    )
    return {
        a.key: {"latency_ms": m.latency_ms, "latency_spread": m.spread}
        | ({} if m.energy_mj is None else {"energy_mj": m.energy_mj})
        for a, m in measured.networks
    }
