"""Several runs beside each other: their fronts, what they cover, and where their documents differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel

from runs.objectives import Budget, objectives_by_name
from runs.objectives.front import front
from runs.objectives.pareto import hypervolume
from runs.service.document.names import Key
from runs.service.server.access import Reader
from runs.service.server.api import VERSION
from runs.service.server.api.results import objectives_of, with_all
from runs.service.server.api.runs import Shared, found
from runs.service.server.refusals import Refused
from runs.store.service.results import Found

__all__ = ["ComparedRun", "Comparison", "differences", "router"]

router = APIRouter(prefix=VERSION, tags=["results"])


class ComparedRun(BaseModel):
    """A run among others; each point of its front has the objectives, and ``key``, its network."""

    key: str
    name: str
    task: str
    networks: int
    points: list[dict[str, float | str]]
    hypervolume: float | None


class Comparison(BaseModel):
    """Runs of one task; hypervolumes are up to the worst value of any of their fronts."""

    objectives: list[str]
    reference: list[float] | None
    runs: list[ComparedRun]
    differences: dict[str, list[Any]]


@router.get("/compare")
def compare(
    runs: Annotated[list[Key], Query(min_length=2, max_length=8)], token: Reader, service: Shared
) -> Comparison:
    """Lay the fronts of runs over each other, with the differences of their documents, in the order of ``runs``."""
    asked = [found(service, key, what="runs") for key in dict.fromkeys(runs)]
    tasks = {run.task for run in asked}
    if len(asked) < 2 or len(tasks) > 1:
        raise Refused(
            422,
            "runs",
            expected="two to eight runs of one task",
            got=", ".join(sorted(tasks)) if len(asked) > 1 else "one run",
            remedy="choose others",
        )
    objectives = objectives_of(asked[0].document)
    networks = [service.results.candidates(run.folder) for run in asked]
    fronts, reference, volumes = _compared(networks, objectives)
    shown = [
        ComparedRun(
            key=run.key,
            name=run.name,
            task=run.task,
            networks=len(all_of_run),
            points=[{"key": c.key, **{name: c.values[name] for name in objectives}} for c in points],
            hypervolume=volume,
        )
        for run, all_of_run, points, volume in zip(asked, networks, fronts, volumes, strict=True)
    ]
    unlike = differences([run.document for run in asked])
    return Comparison(objectives=objectives, reference=reference, runs=shown, differences=unlike)


def differences(documents: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the dotted keys in which documents differ, each with its value in every one."""
    flat = [_flat(document) for document in documents]
    names = dict.fromkeys(name for document in flat for name in document)
    values = {name: [document.get(name) for document in flat] for name in names}
    return {name: row for name, row in values.items() if any(value != row[0] for value in row)}


def _compared(
    networks: list[list[Found]], names: list[str]
) -> tuple[list[list[Found]], list[float] | None, list[float | None]]:
    """Return the front of each run, the reference point that they share, and the hypervolume of each up to it."""
    objectives = objectives_by_name(names)
    fronts = [front(with_all(names, one), objectives, Budget(limits={})) for one in networks]
    points = [np.array([[c.values[name] for name in names] for c in one]) for one in fronts]
    there = [one for one in points if len(one)]
    if not there:
        return fronts, None, [None for _ in fronts]
    worst = np.vstack(there).max(axis=0) * 1.01
    volumes = [float(hypervolume(one, worst)) if len(one) else None for one in points]
    return fronts, worst.tolist(), volumes


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a document by dotted keys."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
