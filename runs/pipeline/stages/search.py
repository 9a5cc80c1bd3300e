"""Search the space through the trained supernet and the fitted predictors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.quality import checkpoint_hash
from runs.lock import exclusive
from runs.objectives import MEASURED
from runs.pipeline.context import Context
from runs.pipeline.fork import forked_networks
from runs.pipeline.plan import SECONDS, Stage
from runs.pipeline.search_record import SearchRecord
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.pipeline.stages.feasibility import CHECK, CORNERS
from runs.pipeline.workers import worker_group
from runs.profiling.devices import Devices
from runs.search import Problem, SearchResult, StoreRecorder, StudyRecord, WorkerGroup, run_search
from search_space import Architecture

__all__ = ["SEARCH", "Searched", "keep_search", "search_identity", "search_networks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A finished search, whose candidates are in the database.

    Parameters
    ----------
    trials
        The last trial of every network that it evaluated, by key.
    estimates
        What its own model takes for the value that networks were trained for, by key, where it has one.
    """

    trials: Mapping[str, int]
    estimates: Mapping[str, float] = field(default_factory=dict)


def search(context: Context, known: Devices, evaluator: QualityEvaluator, seconds: Mapping[str, float]) -> Searched:
    """Return the finished search; an interrupted one continues, a finished one is not opened again.

    So a finished run can be reported and exported under any budget.
    """
    return keep_search(context, lambda: Searched(trials=_trials(context, known, evaluator)), seconds=seconds)


def keep_search(context: Context, run: Callable[[], Searched], *, seconds: Mapping[str, float]) -> Searched:
    """Search while no other process does in the run's folder, and keep what was found.

    Parameters
    ----------
    run
        Runs or resumes the search.
    seconds
        Of the stages before, by name.
    """
    begin = time.monotonic()
    with exclusive(context.lock):
        found = run()
        spent = {
            "profile": sum(seconds.get(name, 0.0) for name in ("profile", "profiles of other devices", "devices")),
            **{name: seconds[name] for name in ("train",) if name in seconds},
            "search": time.monotonic() - begin,
        }
        SearchRecord.note(context, seconds=spent, trials=found.trials, estimates=found.estimates)
    return found


def _finished(context: Context) -> SearchRecord | None:
    """Return the record of a finished search."""
    record, config = SearchRecord.load(context.store, context.run.id), context.config.search
    if record is None or record.objectives != tuple(config.objectives) or len(record.trials) < config.n_trials:
        return None
    return record


def _trials(context: Context, known: Devices, evaluator: QualityEvaluator) -> Mapping[str, int]:
    """Run or resume the search; return the trial of every evaluated network by key."""
    finished = _finished(context)
    if finished is not None:
        return finished.trials
    result = search_networks(
        context,
        known,
        evaluator,
        group=worker_group(context),
        start=forked_networks(context, evaluator.known),
    )
    return {network.key: network.trial_number for network in result.evaluated}


def search_networks(
    context: Context,
    known: Devices,
    evaluator: QualityEvaluator,
    *,
    group: WorkerGroup | None,
    start: Mapping[Architecture, Mapping[str, float]] | None = None,
) -> SearchResult:
    """Run or resume the search of the run, alone or as one of a group of workers."""
    problem = Problem(
        objectives=context.objectives,
        budget=context.budget,
        cost_function=known.costs,
        deviation=known.deviations,
        n_trials=context.config.search.n_trials,
    )
    record = StudyRecord(
        name=context.run.folder,
        storage_url=context.config.store,
        recorder=StoreRecorder(context.store, run_id=context.run.id, predicted=known.predicted),
        identity=search_identity(context, known),
    )
    with context.reporter.progress("search") as progress:
        return run_search(
            context.space,
            problem=problem,
            sampler=context.config.search.sampler_for(context.space, problem=problem),
            evaluate=evaluator,
            record=record,
            worker_group=group,
            start=start,
            progress=progress,
        )


def search_identity(context: Context, known: Devices) -> dict[str, str]:
    """Return the hashes of what the values depend on; only what the search uses of the other devices."""
    names = {*context.config.search.objectives, *context.budget.limits}
    used = {
        device: print_
        for device, print_ in known.fingerprints.items()
        if any(str(known.on(device)) in names for known in MEASURED)
    }
    profiles = {"profile": known.fingerprint} | {f"profile {name}": value for name, value in used.items()}
    if known.decode_fingerprint is not None:
        profiles["profile of decoding"] = known.decode_fingerprint
    room = context.config.hardware.cache_tokens
    if room is not None:  # without a profile of decoding nothing else knows what caches are of
        profiles["cache"] = f"room for {room} tokens"
    if context.config.search.method == "fidelities":
        return {"training": context.weights_fingerprint} | profiles
    config, brief = context.config.evaluation, context.brief
    after = "" if brief is None else f" after {brief.steps} steps of finetuning {brief.hash}"
    own = {
        "supernet": context.supernet_fingerprint,
        "checkpoint": checkpoint_hash(context.supernet_folder),
        "evaluation": f"{'bf16' if config.bf16 else 'fp32'} on {config.examples or 'all'} examples{after}",
    }
    return own | profiles


SEARCH = Stage(
    name="search",
    run=search,
    needs=(DEVICES, EVALUATOR, SECONDS),
    after=(CHECK, CORNERS),
    done=lambda context, *artifacts: _finished(context) is not None,
)
