"""Measure the networks of the front again on the device, and test them: the numbers that the report stands by.

This, the answers of the exported network in the report, and what is exported or finetuned, alone read the test split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from hardware_profiles import Profile
from runs.evaluation.network import NetworkSource
from runs.lock import exclusive
from runs.objectives import DECODE, is_partial
from runs.objectives.front import best
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import found_networks
from runs.pipeline.stages.baselines import BASELINES, Baselines
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import NETWORKS
from runs.pipeline.stages.search import SEARCH
from runs.profiling.builder import Builder
from runs.profiling.devices import Devices
from runs.profiling.measuring import measure
from runs.profiling.target import Target
from runs.reports import SimpleModel
from runs.store import Candidate
from search_space import Architecture
from supernet.calibration import calibrate
from supernet.training import evaluate

__all__ = ["FINALISTS"]

_ROUNDS = 3  # of measuring, so that another process disturbs one of them


def finalists(
    context: Context,
    known: Devices,
    networks: NetworkSource,
    baselines: Baselines,
    simple_models: tuple[SimpleModel, ...],
) -> None:
    """Keep the finalists' test errors and, on the profiled device, measured latencies in the database.

    A finalist that was measured before is not measured again.
    """
    foreign, data = context.target.is_foreign(known.own), context.data
    with exclusive(context.lock):
        finals = [(c, c.final or {}) for c in _finalists(context, known, baselines, simple_models)]
        measured = {} if foreign else _measured(context, known, networks, finals)
        chosen = [(c, final) for c, final in finals if c.key in measured or "test_error" not in final]
        with context.reporter.progress("test finalists") as progress:
            for i, (candidate, final) in enumerate(chosen):
                errors = {} if "test_error" in final else _errors(context, networks, candidate)
                new = {**final, **measured.get(candidate.key, {}), **errors}
                context.store.set_final(context.run.id, candidate.key, final=new)
                progress(i + 1, len(chosen), f"test {data.metric} {data.metric.text(new['test_error'])}")


def _finalists(
    context: Context, known: Devices, baselines: Baselines, simple_models: Sequence[SimpleModel]
) -> list[Candidate]:
    """Return the front, thinned evenly to the configured number, and what a reader compares with or asked for."""
    space, budget, objectives = context.space, context.budget, context.objectives
    found = found_networks(context, known, simple_models)
    members, by_key = found.front, found.by_key
    picked = np.linspace(0, len(members) - 1, min(context.config.finalists, len(members))).round().astype(int)
    kept = {c.key: c for c in (*(members[i] for i in picked), *found.chosen.values())}
    named = (context.config.key, space.smallest.key, space.largest.key)
    kept |= {key: by_key[key] for key in named if key in by_key}
    for keys in (baselines.uniform, baselines.random):
        group = [by_key[key] for key in keys if key in by_key]
        group = [c for c in group if budget.feasible(c.values)] or group
        if group:
            winner = best(group, objectives)
            kept[winner.key] = winner
    return list(kept.values())


def _measured(
    context: Context, known: Devices, networks: NetworkSource, finals: Sequence[tuple[Candidate, Mapping[str, Any]]]
) -> dict[str, dict[str, float]]:
    """Return what is measured now of networks in each of their phases, by key."""
    phases: list[tuple[Target, Profile | None, str, str]] = [
        (context.target, known.own, "latency_ms", "measure finalists")
    ]
    if context.decodes:
        phases.append((context.decode_target, known.decode, DECODE.base, "measure finalists decoding"))
    found: dict[str, dict[str, float]] = {}
    for target, profile, name, title in phases:
        untimed = [c.architecture for c, final in finals if name not in final]
        if not untimed:
            continue
        for architecture, m in _timed(context, target, profile, networks, untimed, title=title).networks:
            values = {name: m.latency_ms, f"{name.removesuffix('_ms')}_spread": m.spread}
            if name == "latency_ms" and m.energy_mj is not None:
                values["energy_mj"] = m.energy_mj
            found.setdefault(architecture.key, {}).update(values)
    return found


def _timed(
    context: Context,
    target: Target,
    profile: Profile | None,
    networks: NetworkSource,
    chosen: Sequence[Architecture],
    *,
    title: str,
) -> Profile:
    """Return measurements of whole networks in the setting of a target."""
    with context.reporter.progress(title) as progress:
        return measure(
            chosen,
            target=target,
            config=context.config.profile,
            store=context.store,
            key=f"{target.key}-run{context.run.id}",
            task=context.config.task.name,
            folder=context.profiles,
            builder=Builder(context.space, setting=target.setting, networks=partial(networks, keep=True)),
            # Drift is relative to the profile's own start, so that predictions and measurements share one scale.
            baseline_ms=None if profile is None else profile.baseline_ms,
            rounds=_ROUNDS,
            progress=progress,
        )


def _errors(context: Context, networks: NetworkSource, candidate: Candidate) -> dict[str, float]:
    """Return the test error, and the validation error where the search saw less, or not these very weights exactly."""
    data, config = context.data, context.config.evaluation
    network = calibrate(networks(candidate.architecture, keep=True), data)
    errors = {"test_error": evaluate(network, data=data, split=data.test)}
    if config.bf16 or config.examples is not None or config.finetune_steps or is_partial(candidate.values):
        errors["validation_error"] = evaluate(network, data=data, split=data.validation)
    return errors


FINALISTS = Stage(name="finalists", run=finalists, needs=(DEVICES, NETWORKS, BASELINES, REFERENCES), after=(SEARCH,))
