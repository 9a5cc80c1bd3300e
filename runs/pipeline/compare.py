"""Compare finished or running searches of one task: their fronts overlaid, hypervolumes against one reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hardware_profiles import Profile
from runs.evaluation.quality import FIRST_METRICS
from runs.objectives import Budget, Objective, is_partial, objectives_by_name
from runs.pipeline.run_folder import comparison_name
from runs.pipeline.search_record import SearchRecord
from runs.reports import ComparedNetwork, ComparedRun, Comparison
from runs.store import Run, Store
from runs.store.named import run_named, short_name
from search_space.errors import BudgetError, ConfigError
from search_space.metric import Metric

__all__ = ["compare"]


def compare(store: Store, names: Sequence[str], *, task: str, outputs: Path, command: str = "") -> Path:
    """Write the comparison of the runs of these names; returns its page.

    Raises
    ------
    ConfigError
        A name is of no run, or the runs have not two objectives in common.
    BudgetError
        No run has a network within its budget.
    """
    from runs.reports.comparison_page import write_comparison  # loads what draws

    chosen = [run_named(store, name, task=task, outputs=outputs, parameter="compare") for name in names]
    if len(set(chosen)) < len(chosen):
        raise ConfigError("compare", expected="distinct runs", got=", ".join(names), remedy="name each run once")
    records = [SearchRecord.load(store, run.id) for run in chosen]
    objectives = _common(records)
    data = Comparison(
        task=task,
        objectives=objectives,
        runs=tuple(_compared(store, *pair, outputs=outputs) for pair in zip(chosen, records, strict=True)),
        command=command,
    )
    if not any(network.feasible for run in data.runs for network in run.networks):
        raise BudgetError(
            "compare", expected="a network within its run's budget", got="none in any run", remedy="search longer"
        )
    return write_comparison(data, outputs / task / "comparisons" / comparison_name([run.name for run in data.runs]))


def _common(records: Sequence[SearchRecord | None]) -> tuple[Objective, ...]:
    """Return what all runs optimise, in the order of the first."""
    names: list[str] = []
    for i, record in enumerate(records):
        own = [] if record is None else list(record.objectives)
        names = own if i == 0 else [name for name in names if name in own]
    if len(names) < 2:
        raise ConfigError(
            "compare",
            expected="runs that have two objectives or more in common",
            got=", ".join(names) or "none in common",
            remedy="compare runs of the same search.objectives",
        )
    metric = _metric(records) if "validation_error" in names else None
    found = objectives_by_name(names)
    return tuple(o if metric is None or o.metric is None else o.read_as(metric) for o in found)


def _metric(records: Sequence[SearchRecord | None]) -> Metric | None:
    """Return the metric of all runs; ``None`` where all are of an earlier version, which kept none."""
    metrics = {None if record is None else record.metric for record in records}
    known = {metric for metric in metrics if metric is not None}
    if len(known) > 1 or (None in metrics and any(metric.key not in FIRST_METRICS for metric in known)):
        raise ConfigError(
            "compare",
            expected="runs of one metric",
            got=", ".join(sorted("that of the task itself" if m is None else m.name for m in metrics)),
            remedy="compare runs of the same task.metric",
        )
    return next(iter(known), None)


def _compared(store: Store, run: Run, record: SearchRecord | None, *, outputs: Path) -> ComparedRun:
    budget = Budget(limits=(record and record.budget) or {})
    candidates = [c for c in store.candidates(run.id, state="complete") if c.trial_number is not None]
    networks = tuple(
        ComparedNetwork(
            key=c.key,
            mixers=c.architecture.mixers,
            values=c.values,
            trial_number=c.trial_number or 0,
            feasible=budget.feasible(c.values) and not is_partial(c.values),
        )
        for c in sorted(candidates, key=lambda c: c.trial_number or 0)
    )
    if not networks:
        raise ConfigError("compare", expected="runs that evaluated a network", got=run.folder, remedy="search it first")
    profile = outputs / run.folder / "profile.json"
    return ComparedRun(
        name=short_name(run),
        networks=networks,
        device=Profile.load(profile).device.name if profile.exists() else "",
        sampler="" if record is None else record.searched_by,
        seed=None if record is None else record.seed,
        budget=budget.limits,
    )
