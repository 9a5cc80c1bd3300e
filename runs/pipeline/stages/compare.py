"""Compare finished or running searches of one task: their fronts overlaid, hypervolumes against one reference."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from hardware_profiles import Profile
from runs.objectives import Budget, Objective, is_partial, objectives_by_name
from runs.pipeline.workspace import Workspace
from runs.reports import ComparedNetwork, ComparedRun, Comparison
from runs.store import Run
from search_space import Architecture
from search_space.errors import BudgetError, ConfigError

__all__ = ["compare", "run_named"]


def compare(workspace: Workspace) -> Path:
    """Write the comparison of the runs that ``compare`` names; returns its page.

    Raises
    ------
    ConfigError
        A name is of no run, or the runs have not two objectives in common.
    """
    from runs.reports.comparison_page import write_comparison  # loads what draws

    task, names = workspace.config.task.name, workspace.config.compare
    chosen = [run_named(workspace, name, parameter="compare") for name in names]
    if len(set(chosen)) < len(chosen):
        raise ConfigError("compare", expected="distinct runs", got=", ".join(names), remedy="name each run once")
    objectives = _common(workspace, chosen)
    data = Comparison(
        task=task,
        objectives=objectives,
        runs=tuple(_compared(workspace, run, objectives) for run in chosen),
        command=workspace.command,
    )
    if not any(network.feasible for run in data.runs for network in run.networks):
        raise BudgetError(
            "compare", expected="a network within its run's budget", got="none in any run", remedy="search longer"
        )
    folder = re.sub(r"[^\w.=+-]+", "-", "+".join(run.name for run in data.runs))[:150]
    page = write_comparison(data, workspace.outputs / task / "comparisons" / folder)
    workspace.console.print(f"comparison: {page}", highlight=False, markup=False, soft_wrap=True)
    return page


def run_named(workspace: Workspace, name: str, *, parameter: str) -> Run:
    """Return the run of a name within the task, or of a run folder; raises ``ConfigError`` for none of the task."""
    task = workspace.config.task.name
    runs = {run.folder: run for run in workspace.store.runs()}
    for folder in (f"{task}/{name}", name, os.path.relpath(name, workspace.outputs)):
        if folder in runs and runs[folder].task == task:
            return runs[folder]
    known = ", ".join(_short(run, task) for run in runs.values() if run.task == task)
    raise ConfigError(
        parameter,
        expected=f"names of runs of the task {task} ({known or 'there is none yet'})",
        got=repr(name),
        remedy="correct the name, or choose the task of these runs",
    )


def _short(run: Run, task: str) -> str:
    return run.folder.removeprefix(f"{task}/")


def _common(workspace: Workspace, runs: Sequence[Run]) -> tuple[Objective, ...]:
    """Return what all runs optimise, in the order of the first."""
    names: list[str] = []
    for i, run in enumerate(runs):
        stage = workspace.store.stage(run.id, "search")
        own = [] if stage is None else list(stage.detail["objectives"])
        names = own if i == 0 else [name for name in names if name in own]
    if len(names) < 2:
        raise ConfigError(
            "compare",
            expected="runs that have two objectives or more in common",
            got=", ".join(names) or "none in common",
            remedy="compare runs of the same search.objectives",
        )
    return objectives_by_name(names)


def _compared(workspace: Workspace, run: Run, objectives: Sequence[Objective]) -> ComparedRun:
    stage = workspace.store.stage(run.id, "search")
    detail = {} if stage is None else stage.detail
    budget = Budget(limits=detail.get("budget", {}))
    candidates = [c for c in workspace.store.candidates(run.id, state="complete") if c.trial_number is not None]
    networks = tuple(
        ComparedNetwork(
            key=c.key,
            mixers=Architecture.from_json(c.architecture_json).mixers,
            values=c.values,
            trial_number=c.trial_number or 0,
            feasible=budget.feasible(c.values) and not is_partial(c.values),
        )
        for c in sorted(candidates, key=lambda c: c.trial_number or 0)
    )
    if not networks:
        raise ConfigError("compare", expected="runs that evaluated a network", got=run.folder, remedy="search it first")
    profile = workspace.outputs / run.folder / "profile.json"
    return ComparedRun(
        name=_short(run, workspace.config.task.name),
        networks=networks,
        device=Profile.load(profile).device.name if profile.exists() else "",
        sampler=detail.get("sampler", ""),
        seed=detail.get("seed"),
        budget=budget.limits,
    )
