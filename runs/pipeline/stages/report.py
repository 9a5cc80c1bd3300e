"""Write the report of a run: everything evaluated, the front re-measured, the baselines, the environment."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hardware_profiles import Profile
from runs.environment import versions
from runs.evaluation.sensitivity import sensitivity
from runs.files import write_text
from runs.objectives import FRACTION, OBJECTIVES, Budget, device_of, is_partial, noise_of
from runs.objectives.front import choose, front
from runs.pipeline.stages.feasibility import corner_values
from runs.pipeline.stages.finalists import remeasure
from runs.pipeline.stages.profile import is_foreign
from runs.pipeline.stages.search import Searched, found_candidates
from runs.pipeline.stages.train import supernet_folder
from runs.pipeline.workspace import Workspace
from runs.reports import ReportData, ReportedNetwork, Sensitivity, Source, near_front
from runs.store import Candidate
from search_space import Architecture
from search_space.errors import BudgetError
from supernet.training import CURVE

__all__ = ["report"]

_CHOICES = {"knee": "knee", "best": "best quality", "fastest": "fastest"}


def report(workspace: Workspace) -> Path:
    """Write ``report/`` into the run's folder; returns the HTML file."""
    from runs.reports.write import write_report  # loads what draws, which takes a second that other verbs save

    searched = remeasure(workspace)
    data = report_data(workspace, searched)
    write_text(workspace.folder / "space.json", workspace.space.to_json() + "\n")
    write_text(workspace.folder / "env.json", json.dumps(versions(), indent=2) + "\n")
    page = write_report(data, workspace.folder / "report")
    for label, key in data.chosen.items():
        network = data.network(key)
        measured = "" if network.latency_measured_ms is None else f", measured {network.latency_measured_ms:.3g} ms"
        workspace.console.print(
            f"{label:12} {key}  {_error_text(workspace, network.objectives['validation_error'])}, "
            f"{network.latency_predicted_ms:.3g} ms predicted{measured}",
            highlight=False,
        )
    workspace.console.print(f"report: {page}", highlight=False, markup=False, soft_wrap=True)
    return page


def _error_text(workspace: Workspace, error: float) -> str:
    data = workspace.data
    return f"{error:.1f} % validation error" if data.unit == "%" else f"validation {data.metric} {error:.4g}"


def report_data(workspace: Workspace, searched: Searched) -> ReportData:
    """Gather what the report shows from the store."""
    candidates = found_candidates(workspace, searched)
    members = front(candidates, searched.objectives, workspace.budget)
    on_front = {c.key for c in members}
    near = _near(members, candidates, searched, workspace.budget)
    networks = [
        _reported(workspace, candidate, source, trial, on_front=candidate.key in on_front, near=near)
        for candidate, source, trial in _roles(workspace, searched, candidates)
    ]
    chosen = {}
    for key, label in _CHOICES.items():
        try:
            chosen[label] = choose(key, members, searched.objectives, workspace.budget).key
        except BudgetError:
            continue
    values = np.array([[c.values[o.name] for o in searched.objectives] for c in candidates])
    signs = np.array([o.sign for o in searched.objectives])
    judged = next((chosen[label] for label in _CHOICES.values() if label in chosen), None)
    reference = signs * ((signs * values).max(0) + 0.02 * np.ptp(values, axis=0) + 1e-9)
    return ReportData(
        title=f"{workspace.config.task.name} / {workspace.config.name}",
        task=workspace.config.task.name,
        space_name=workspace.space.name,
        space_fingerprint=workspace.space.fingerprint,
        log10_size=workspace.space.log10_size,
        objectives=searched.objectives,
        networks=tuple(networks),
        hypervolume_reference=tuple(reference.tolist()),
        budget=workspace.budget.limits,
        device=_device(workspace, searched.profile),
        environment=versions(),
        corners=corner_values(workspace.space, searched.cost_function),
        chosen=chosen,
        predictor_summary=_predictor_summary(networks, searched.profile),
        training_curve=_training_curve(workspace),
        sensitivity=_sensitivity(workspace, searched, judged),
        seconds=searched.seconds,
        error_unit=workspace.data.unit,
        command=workspace.command,
        export_command=workspace.export_command,
    )


def _sensitivity(workspace: Workspace, searched: Searched, key: str | None) -> Sensitivity | None:
    if key is None or not workspace.config.sensitivity:
        return None
    network = next(c for c in workspace.store.candidates(workspace.run.id, state="complete") if c.key == key)
    return sensitivity(workspace, searched, Architecture.from_json(network.architecture_json))


def _roles(
    workspace: Workspace, searched: Searched, candidates: Sequence[Candidate]
) -> list[tuple[Candidate, Source, int | None]]:
    """Return every candidate with its source and trial: the search's in order, then the baselines'.

    A network that the search and a baseline share stands in both places.
    """
    by_key = {c.key: c for c in candidates}
    corners: dict[str, Source] = {workspace.space.smallest.key: "smallest", workspace.space.largest.key: "largest"}
    trials = sorted(searched.trials.items(), key=lambda item: item[1])
    roles: list[tuple[Candidate, Source, int | None]] = [
        (by_key[key], corners.get(key, "search"), trial) for key, trial in trials if key in by_key
    ]
    for key, corner in corners.items():
        if key in by_key and key not in searched.trials:
            roles.append((by_key[key], corner, None))
    baselines: list[tuple[Source, tuple[str, ...]]] = [("uniform", searched.uniform), ("random", searched.random)]
    for source, keys in baselines:
        roles += [(by_key[key], source, None) for key in keys if key in by_key]
    listed = {candidate.key for candidate, _, _ in roles}
    # Baselines of an earlier call with another seed.
    roles += [(c, "uniform" if c.source == "uniform" else "random", None) for c in candidates if c.key not in listed]
    return roles


def _reported(
    workspace: Workspace,
    candidate: Candidate,
    source: Source,
    trial_number: int | None,
    *,
    on_front: bool,
    near: set[str],
) -> ReportedNetwork:
    final, predicted = candidate.final or {}, candidate.predicted
    return ReportedNetwork(
        key=candidate.key,
        architecture=Architecture.from_json(candidate.architecture_json),
        source=source,
        trial_number=trial_number,
        objectives={name: candidate.values[name] for name in _shown_names(candidate)},
        latency_predicted_ms=predicted["latency_ms"],
        latency_interval_ms=(predicted["latency_low_ms"], predicted["latency_high_ms"]),
        latency_measured_ms=final.get("latency_ms"),
        test_error=final.get("test_error"),
        on_front=on_front,
        feasible=workspace.budget.feasible(candidate.values),
        noise={name: candidate.values[noise_of(name)] for name in OBJECTIVES if noise_of(name) in candidate.values},
        fraction=candidate.values.get(FRACTION, 1.0),
        whole_error=final.get("validation_error"),
        near_front=candidate.key in near,
    )


def _shown_names(candidate: Candidate) -> list[str]:
    """Return the objectives that a candidate has values of, those of further devices last."""
    further = sorted(name for name in candidate.values if device_of(name) is not None)
    return [name for name in (*OBJECTIVES, *further) if name in candidate.values]


def _near(
    members: Sequence[Candidate], candidates: Sequence[Candidate], searched: Searched, budget: Budget
) -> set[str]:
    """Return the keys of the networks that the noise of the evaluation alone may keep off the front."""
    on_front = {c.key for c in members}
    some = [c for c in candidates if c.key in on_front or (budget.feasible(c.values) and not is_partial(c.values))]
    names = [o.name for o in searched.objectives]
    values = np.array([[o.sign * c.values[o.name] for o in searched.objectives] for c in some])
    errors = np.array([[c.values.get(noise_of(name), 0.0) for name in names] for c in some])
    mask = near_front(values, errors, np.array([c.key in on_front for c in some], bool))
    return {c.key for c, near in zip(some, mask, strict=True) if near}


def _device(workspace: Workspace, profile: Profile) -> dict[str, str]:
    device = profile.device
    facts = {
        "device": device.cpu_model,
        "cores": str(device.cores),
        "instruction sets": " ".join(device.isa),
        "setting": str(profile.setting),
        "runtime version": profile.runtime_version,
        "profiled": profile.created_at,
    }
    if is_foreign(workspace, profile):
        facts["note"] = "predicted only: the profile is of another device or runtime version than the one that searched"
    return facts


def _predictor_summary(networks: Sequence[ReportedNetwork], profile: Profile) -> dict[str, float]:
    fitted = {architecture.key for architecture, _ in profile.networks}
    new = {n.key: n for n in networks if n.key not in fitted}  # the predictor has not seen these
    measured = {key: (n, n.latency_measured_ms) for key, n in new.items() if n.latency_measured_ms is not None}
    on_front = [abs(ms / n.latency_predicted_ms - 1) for n, ms in measured.values() if n.on_front]
    summary = {"noise_floor": profile.noise_floor}
    if on_front:
        inside = [n.latency_interval_ms[0] <= ms <= n.latency_interval_ms[1] for n, ms in measured.values()]
        summary |= {
            "median_gap": statistics.median(on_front),
            "largest_gap": max(on_front),
            "interval_coverage": sum(inside) / len(inside),
        }
    return summary


def _training_curve(workspace: Workspace, *, points: int = 300) -> tuple[tuple[int, float], ...]:
    lines = (supernet_folder(workspace) / CURVE).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    step = max(1, len(rows) // points)
    return tuple((row["step"], row["loss"]) for row in rows[::step])
