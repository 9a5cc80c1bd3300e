"""Measure the blocks of the space and a sample of whole networks on this machine, or take a given profile.

A run keeps a copy of the profile it began with, so that all its predictions belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from hardware_profiles import Measurement, Profile, Subject
from hardware_profiles.measuring.conditions import disturbances, drift_hint, throttle_count
from hardware_profiles.measuring.plausibility import check_some_blocks
from predictors.new_device import ADAPTED_FROM, adapt_profile, choose_samples
from runs.pipeline.ahead.begun import explained, note_begun
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.data.understood import DATA
from runs.profiling.finding import ProfileFinder
from runs.profiling.measuring import measure
from runs.profiling.subjects import subjects_of
from runs.profiling.target import Target
from runs.store import AnotherRunError
from search_space import Architecture
from search_space.errors import ProfileError

__all__ = ["PROFILE", "kept_profile", "measured_profile"]

_NETWORKS_IN_BUDGET = 220
_CANDIDATES = 4  # networks from which each sample is chosen
_PAUSE_S = 60.0  # between two measurements of one command there is less, for preparing a chunk
_LEAST_LEFT = 0.03  # of a budget that is continued
_BUDGET = "time budget in seconds"


def profile(context: Context) -> Profile:
    """Return the run's profile: the one it began with, else the given file, else a measurement of this machine."""
    own, config = context.folder / "profile.json", context.config.profile
    found = kept_profile(own) if own.exists() else None
    if config.path is not None:
        chosen = _named(context, config.path, parameter="profile.path")
        if found is not None and found.measurements != chosen.measurements:
            raise _another("profile.path", config.path)
        found = chosen
    elif config.adapt is not None:
        known = _named(context, config.adapt, parameter="profile.adapt")
        if found is None:
            found = _adapted(context, known)
        elif found.provenance.get(ADAPTED_FROM) != known.name:
            raise _another("profile.adapt", config.adapt)
    elif found is None:
        found = measured_profile(context, context.target, title="profile")
    try:
        context.target.check(found)
    except ProfileError as error:
        if not own.exists() or config.path is not None:
            raise
        # To profile again would change nothing: the run keeps its own.
        raise explained(context, error, setting=found.setting) from error
    note_begun(context)
    if not own.exists():
        found.save(own)
    return found


def _named(context: Context, text: str, *, parameter: str) -> Profile:
    find = ProfileFinder(context.outputs, store=context.store, task=context.config.task.name)
    found = find(text, parameter=parameter)
    check_some_blocks(found, blocks=len(context.space.blocks))
    return found


def kept_profile(own: Path) -> Profile:
    """Return the copy of a profile that the run began with."""
    try:
        return Profile.load(own)
    except ProfileError as error:
        raise ProfileError(
            str(own),
            expected="the profile that this run began with",
            got=error.got,
            remedy="restore it, or remove this file to take the profile again",
        ) from error


def _another(parameter: str, got: str) -> AnotherRunError:
    return AnotherRunError(
        parameter,
        expected="the profile that this run began with",
        got=got,
        remedy="choose another name= for a run with another profile",
    )


def measured_profile(context: Context, target: Target, *, title: str) -> Profile:
    """Return a profile of this machine: the finished one of an earlier run, or what is missing measured now."""
    config, reporter, budget_s = context.config.profile, context.reporter, _budget_s(context)
    file = context.profiles / f"{target.key}.json"
    wanted = config.networks if budget_s is None else max(config.networks, _NETWORKS_IN_BUDGET)
    subjects = subjects_of(target.space, networks=wanted, seed=config.seed)
    found = Profile.load(file) if file.exists() else None
    if found is not None:
        found.check_matches(device=target.device, runtime_version=target.runtime.version())
        if set(subjects) <= {m.subject for m in found.measurements}:
            return found
    left = None
    if budget_s is not None:
        if found is not None and _budget_of(found) >= budget_s:
            return found
        # A call that was killed has left no word of its time, but its measurements have theirs.
        earlier = [Measurement.from_dict(payload) for payload in context.store.measurements(target.key)]
        spent = _seconds_spent([m.measured_at for m in earlier])
        left = max(budget_s - spent, _LEAST_LEFT * budget_s)
    throttled = throttle_count()
    result = _measure(context, target, subjects, title=title, time_budget_s=left)
    if budget_s is not None:
        result = replace(result, provenance={**result.provenance, _BUDGET: f"{budget_s:g}"})
    result.save(file)
    if throttled is not None and (throttle_count() or 0) > throttled:
        reporter.warning("the processor was slowed down by heat while it was measured: cool it and profile again")
    hint = drift_hint(result.measurements)
    if hint is not None:
        reporter.warning(hint)
    reporter.message(
        f"{title}: {len(result.blocks)} blocks and {len(result.networks)} networks on {result.device.name}, "
        f"{target.setting}; noise floor {100 * result.noise_floor:.1f} %"
    )
    return result


def _measure(
    context: Context, target: Target, subjects: Sequence[Subject], *, title: str, time_budget_s: float | None = None
) -> Profile:
    """Measure what is not measured yet, after a word on what disturbs this machine."""
    config = context.config.profile
    for text in disturbances(threads=target.setting.threads):
        context.reporter.warning(text)
    with context.reporter.progress(title, limit_s=time_budget_s) as progress:
        return measure(
            subjects,
            target=target,
            config=config,
            store=context.store,
            key=target.key,
            task=context.config.task.name,
            folder=context.profiles,
            time_budget_s=time_budget_s,
            memory=config.memory and target.setting.phase == "prefill",
            progress=progress,
        )


def _adapted(context: Context, known: Profile) -> Profile:
    """Return the profile of this machine from some samples measured now and the profile of a known device."""
    config, target, reporter = context.config.profile, context.target, context.reporter
    known.check_matches(space_fingerprint=target.space.fingerprint)
    _check_source(known, target)
    candidates = subjects_of(target.space, networks=_CANDIDATES * config.samples, seed=config.seed)
    networks = [subject for subject in candidates if isinstance(subject, Architecture)]
    subjects = choose_samples(target.space, networks, count=config.samples)
    samples = _measure(context, target, subjects, title="samples")
    result = adapt_profile(target.space, known=known, samples=samples)
    file = context.profiles / f"{target.key}-adapted.json"
    result.save(file)
    reporter.message(
        f"profile: {len(samples.blocks)} blocks and {len(samples.networks)} networks measured on "
        f"{result.device.name}, {target.setting}; {len(result.blocks) - len(samples.blocks)} blocks predicted from "
        f"{known.name}; search with profile.path={file}"
    )
    return result


def _check_source(known: Profile, target: Target) -> None:
    """Raise ``ProfileError`` for a profile that is this machine's own, or itself predicted."""
    if not target.is_foreign(known) and known.setting == target.setting:
        raise ProfileError(
            "profile.adapt",
            expected="a profile of another device, runtime or number of threads",
            got=f"one of this device, {known.setting}",
            remedy="search with it as it is: profile.path= in place of adapt=",
        )
    if ADAPTED_FROM in known.provenance:
        raise ProfileError(
            "profile.adapt",
            expected="a profile that was measured",
            got=f"one that was itself predicted from {known.provenance[ADAPTED_FROM]}",
            remedy="adapt that one",
        )


def _budget_s(context: Context) -> float | None:
    """Return the seconds for one phase: half of the budget where the steps of a decoder are measured too."""
    whole = context.config.profile.time_budget_s
    return whole if whole is None or not context.asks_decode else whole / 2


def _budget_of(found: Profile) -> float:
    """Return the time that a profile was measured within, 0 where it does not say."""
    try:
        return float(found.provenance.get(_BUDGET, 0))
    except ValueError:
        return 0.0


def _seconds_spent(stamps: Sequence[str]) -> float:
    """Return how long commands measured so far, from the times at which measurements were finished."""
    times = sorted(datetime.fromisoformat(stamp).timestamp() for stamp in stamps)
    return sum(min(b - a, _PAUSE_S) for a, b in pairwise(times))


PROFILE = Stage(
    name="profile",
    run=profile,
    after=(DATA,),
    done=lambda context: (context.folder / "profile.json").exists(),
)
