"""Several searches of one task beside each other: their fronts, and hypervolumes against one reference.

Devices, budgets, samplers and seeds may differ; what all of them optimise is compared. Each run's front is that of the
networks it evaluated itself, within its own budget; the box of the hypervolume reaches from the best value of each
objective to the worst of any feasible network of any run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runs.objectives import Objective
from runs.objectives.pareto import hypervolume_curve, non_dominated
from runs.reports.tables import Cell, Table
from runs.reports.units import bound_text, label_of, number, quantity, unit_of, words

__all__ = ["ComparedNetwork", "ComparedRun", "Comparison", "comparison_csv", "comparison_table"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedNetwork:
    """One network that a run evaluated, with its values by name."""

    key: str
    mixers: str
    values: Mapping[str, float]
    trial_number: int
    feasible: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRun:
    """One run: its networks in order of evaluation, and what sets it apart."""

    name: str
    networks: tuple[ComparedNetwork, ...]
    device: str = ""
    sampler: str = ""
    seed: int | None = None
    budget: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Runs and the objectives that all of them have, in the order of the first run."""

    task: str
    objectives: tuple[Objective, ...]
    runs: tuple[ComparedRun, ...]
    command: str = ""

    def __post_init__(self) -> None:
        if not (self.objectives and len(self.runs) > 1):
            raise ValueError("a comparison of one run, or without objectives")
        if not all(run.networks for run in self.runs):
            raise ValueError("a run without a network")

    @property
    def reference(self) -> tuple[float, ...]:
        """Where the hypervolume is measured from, one value an objective in its own direction."""
        values = np.vstack([self.minimised(run)[_feasible(run)] for run in self.runs])
        signs = np.array([o.sign for o in self.objectives])
        worst = values.max(0) + 0.02 * np.ptp(values, axis=0) + 1e-9
        return tuple((signs * worst).tolist())

    def minimised(self, run: ComparedRun) -> NDArray[np.float64]:
        """Return the objectives ``(n, m)`` of a run's networks, each with the sign that makes it minimised."""
        return np.array([[o.sign * n.values[o.name] for o in self.objectives] for n in run.networks])

    def front(self, run: ComparedRun) -> tuple[ComparedNetwork, ...]:
        """Return a run's feasible networks that no other of them dominates, cheapest first."""
        values, feasible = self.minimised(run), _feasible(run)
        values = np.where(feasible[:, None], values, np.inf)
        keep = np.flatnonzero(non_dominated(values) & feasible)
        return tuple(run.networks[i] for i in sorted(keep, key=lambda i: values[i, ::-1].tolist()))

    def joint_front(self) -> set[tuple[str, str]]:
        """Return the run and key of every network that none of any run dominates."""
        members = [(run, network) for run in self.runs for network in self.front(run)]
        if not members:
            return set()
        values = np.array([[o.sign * n.values[o.name] for o in self.objectives] for _, n in members])
        keep = non_dominated(values)
        return {(run.name, n.key) for (run, n), there in zip(members, keep, strict=True) if there}

    def curves(self) -> dict[str, NDArray[np.float64]]:
        """Return the hypervolume after 1, 2, ..., n evaluations of each run, as a share of the common box."""
        signs = np.array([o.sign for o in self.objectives])
        corner = signs * np.array(self.reference)
        best = np.vstack([self.minimised(run)[_feasible(run)] for run in self.runs]).min(0)
        box = float(np.prod(corner - best))
        out = {}
        for run in self.runs:
            values = np.where(_feasible(run)[:, None], self.minimised(run), np.inf)
            out[run.name] = hypervolume_curve(values, corner) / box
        return out


def _feasible(run: ComparedRun) -> NDArray[np.bool_]:
    return np.array([n.feasible for n in run.networks], bool)


def comparison_table(data: Comparison) -> Table:
    """Return a row for each run: what sets it apart, and how far it came."""
    joint, curves = data.joint_front(), data.curves()
    quality = next((o for o in data.objectives if o.evaluated), data.objectives[0])
    header = ("run", "device", "sampler", "seed", "budget", "evaluated", "on its front", "on the joint front")
    rows = []
    for run in data.runs:
        front = data.front(run)
        best = min((quality.sign * n.values[quality.name] for n in front), default=None)
        shared, share = sum((run.name, n.key) in joint for n in front), float(curves[run.name][-1])
        rows.append(
            (
                Cell(text=run.name),
                Cell(text=run.device),
                Cell(text=run.sampler),
                Cell(text="" if run.seed is None else str(run.seed)),
                Cell(text=_budget(run.budget)),
                Cell(text=str(len(run.networks)), sort=len(run.networks)),
                Cell(text=str(len(front)), sort=len(front)),
                Cell(text=str(shared), sort=shared),
                Cell(text=quantity(None if best is None else quality.sign * best, quality.unit), sort=best or 0.0),
                Cell(text=number(share), sort=share),
            )
        )
    return Table(header=(*header, f"best {words(quality.label)}", "hypervolume, share of the box"), rows=tuple(rows))


def _budget(budget: Mapping[str, float]) -> str:
    return ", ".join(f"{label_of(name)} {bound_text(bound, unit_of(name))}" for name, bound in budget.items()) or "none"


def comparison_csv(data: Comparison) -> str:
    """Return one line for each network of each run's front, every value with all digits."""
    import pandas as pd

    joint = data.joint_front()
    names: Sequence[str] = [o.name for o in data.objectives]
    rows = [
        {
            "run": run.name,
            "key": n.key,
            "mixers": n.mixers,
            "trial_number": n.trial_number,
            **{name: n.values[name] for name in names},
            "on_joint_front": (run.name, n.key) in joint,
        }
        for run in data.runs
        for n in data.front(run)
    ]
    columns = ["run", "key", "mixers", "trial_number", *names, "on_joint_front"]
    text: str = pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n")
    return text
