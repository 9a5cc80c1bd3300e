"""What a report shows of a run, gathered from the database."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from hardware_profiles import Profile
from predictors.new_device import ADAPTED_FROM
from runs.environment import versions
from runs.evaluation.candidates import CHOICES, FoundNetworks
from runs.objectives import FRACTION, LATENCY, OBJECTIVES, TRAINING_STEPS, Budget, device_of, noise_of
from runs.objectives.front import meant
from runs.objectives.near_front import near_front_keys
from runs.pipeline.context import Context
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.baselines import Baselines
from runs.pipeline.stages.search import Searched
from runs.reports import (
    Answered,
    Doubt,
    ReportData,
    ReportedNetwork,
    Sensitivity,
    SimpleModel,
    Source,
)
from runs.store import Candidate
from search_space.errors import BudgetError
from supernet.training import CURVE, read_curve

__all__ = ["report_data"]

_LABELS = {"knee": "knee", "best": "best quality", "fastest": "fastest"}


def report_data(
    context: Context,
    found: FoundNetworks,
    *,
    profile: Profile,
    corners: Mapping[str, Mapping[str, float]],
    searched: Searched,
    baselines: Baselines,
    sensitivity: Sensitivity | None,
    simple_models: tuple[SimpleModel, ...],
    classes: Answered | None,
    doubt: Doubt | None,
) -> ReportData:
    """Gather what the report shows."""
    objectives, budget, candidates, members = context.objectives, context.budget, found.candidates, found.front
    on_front = {c.key for c in members}
    near = near_front_keys(members, candidates, objectives, budget)
    networks = [
        _reported(candidate, source, trial, on_front=candidate.key in on_front, near=near, budget=budget)
        for candidate, source, trial in _roles(context, searched, baselines, candidates)
    ]
    values = np.array([[c.values[o.name] for o in objectives] for c in candidates])
    signs = np.array([o.sign for o in objectives])
    reference = signs * ((signs * values).max(0) + 0.02 * np.ptp(values, axis=0) + 1e-9)
    record = SearchRecord.load(context.store, context.run.id)
    exported, exported_as = _exported(context, found)
    return ReportData(
        title=f"{context.config.task.name} / {context.config.name}",
        task=context.config.task.name,
        space_name=context.space.name,
        space_fingerprint=context.space.fingerprint,
        log10_size=context.space.log10_size,
        objectives=objectives,
        networks=tuple(networks),
        hypervolume_reference=tuple(reference.tolist()),
        budget=budget.limits,
        device=_device(profile, foreign=context.target.is_foreign(profile)),
        environment=versions(),
        corners=corners,
        chosen={_LABELS[name]: candidate.key for name, candidate in found.chosen.items()},
        exported=exported,
        exported_as=exported_as,
        simple_models=simple_models,
        predictor_summary=_predictor_summary(networks, profile),
        training_curve=_training_curve(context),
        sensitivity=sensitivity,
        seconds={} if record is None else record.seconds,
        classes=classes,
        doubt=doubt,
        metric=context.data.metric,
        summary=context.data.summary,
        command=context.command.text,
        export_command=context.command.export,
        sequences=context.setting.batch_size,
    )


def _exported(context: Context, found: FoundNetworks) -> tuple[str | None, str]:
    """Return the key of the network that the run exports and what it is chosen as; none where nothing fits."""
    key = meant(context.config.key, context.budget)
    try:
        return found.choose(key).key, key if key in CHOICES else ""
    except BudgetError:
        return None, ""


def _roles(
    context: Context, searched: Searched, baselines: Baselines, candidates: Sequence[Candidate]
) -> list[tuple[Candidate, Source, int | None]]:
    """Return every candidate with its source and trial: the search's in order, then the baselines'.

    A network that the search and a baseline share stands in both places.
    """
    by_key = {c.key: c for c in candidates}
    corners: dict[str, Source] = {context.space.smallest.key: "smallest", context.space.largest.key: "largest"}
    trials = sorted(searched.trials.items(), key=lambda item: item[1])
    roles: list[tuple[Candidate, Source, int | None]] = [
        (by_key[key], corners.get(key, "search"), trial) for key, trial in trials if key in by_key
    ]
    for key, corner in corners.items():
        if key in by_key and key not in searched.trials:
            roles.append((by_key[key], corner, None))
    groups: list[tuple[Source, tuple[str, ...]]] = [("uniform", baselines.uniform), ("random", baselines.random)]
    for source, keys in groups:
        roles += [(by_key[key], source, None) for key in keys if key in by_key]
    listed = {candidate.key for candidate, _, _ in roles}
    # Baselines of an earlier call with another seed.
    roles += [(c, "uniform" if c.source == "uniform" else "random", None) for c in candidates if c.key not in listed]
    return roles


def _reported(
    candidate: Candidate,
    source: Source,
    trial_number: int | None,
    *,
    on_front: bool,
    near: set[str],
    budget: Budget,
) -> ReportedNetwork:
    final, predicted = candidate.final or {}, candidate.predicted
    return ReportedNetwork(
        key=candidate.key,
        architecture=candidate.architecture,
        source=source,
        trial_number=trial_number,
        objectives={name: candidate.values[name] for name in _shown_names(candidate)},
        latency_predicted_ms=predicted["latency_ms"],
        latency_interval_ms=(predicted[str(LATENCY.of("low"))], predicted[str(LATENCY.of("high"))]),
        latency_measured_ms=final.get("latency_ms"),
        test_error=final.get("test_error"),
        on_front=on_front,
        feasible=budget.feasible(candidate.values),
        noise={name: candidate.values[noise_of(name)] for name in OBJECTIVES if noise_of(name) in candidate.values},
        fraction=candidate.values.get(FRACTION, 1.0),
        whole_error=final.get("validation_error"),
        near_front=candidate.key in near,
        decode_measured_ms=final.get("decode_ms"),
        training_steps=int(candidate.values[TRAINING_STEPS]) if TRAINING_STEPS in candidate.values else None,
    )


def _shown_names(candidate: Candidate) -> list[str]:
    """Return the objectives that a candidate has values of, those of further devices last."""
    further = sorted(name for name in candidate.values if device_of(name) is not None)
    return [name for name in (*OBJECTIVES, *further) if name in candidate.values]


def _device(profile: Profile, *, foreign: bool) -> dict[str, str]:
    device = profile.device
    facts = {
        "device": device.cpu_model,
        "cores": str(device.cores),
        "instruction sets": " ".join(device.isa),
        "setting": str(profile.setting),
        "runtime version": profile.runtime_version,
        "profiled": profile.created_at,
    }
    if {"adapted", ADAPTED_FROM} <= profile.provenance.keys():
        facts["adapted"] = f"{profile.provenance['adapted']} from {profile.provenance[ADAPTED_FROM]}"
    if foreign:
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


def _training_curve(context: Context, *, points: int = 300) -> tuple[tuple[int, float], ...]:
    if context.config.search.method == "fidelities":  # there is no supernet
        return ()
    curve = read_curve(context.supernet_folder / CURVE)
    return curve[:: max(1, len(curve) // points)]
