"""Finetune a network, the chosen one or the winner of successive halving, for export to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runs.evaluation.candidates import record_networks
from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.finetuning import Finetuner, finetuned_files
from runs.lock import exclusive
from runs.objectives.front import within_budget
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import found_networks
from runs.pipeline.stages.baselines import BASELINES
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.profiling.devices import Devices
from runs.reporter import Table
from runs.reports import SimpleModel
from runs.search import StoreRecorder
from runs.search.algorithms.highest_flops import highest_flops
from runs.search.algorithms.successive_halving import Round, initial_configurations, successive_halving
from runs.store import Candidate
from search_space import Architecture
from search_space.errors import ConfigError
from supernet.tasks import TaskData
from supernet.training import evaluate

__all__ = ["FINETUNE", "FINETUNER"]

_SOURCE = "race"  # of a candidate that no search proposed, as databases of earlier versions call it


def finetuner(context: Context, evaluator: QualityEvaluator) -> Finetuner:
    """Return what finetunes networks of the run."""
    config = context.config
    return Finetuner(evaluator.networks, config=config.finetune, training=config.training, folder=context.folder)


def finetune(
    context: Context,
    known: Devices,
    evaluator: QualityEvaluator,
    tuner: Finetuner,
    simple_models: tuple[SimpleModel, ...],
) -> str:
    """Train a network a little further; returns its key.

    It is the one that ``config.key`` names, or, with ``config.finetune.num_configurations``, the winner of successive
    halving among so many networks within the budget. An interrupted finetuning continues; with other settings than
    before it begins anew and replaces the result.
    """
    data = context.data
    with exclusive(context.lock):
        found = found_networks(context, known, simple_models)
        if context.config.finetune.num_configurations:
            architecture = _winner(context, found.candidates, known, tuner)
            _record(context, architecture, known, evaluator)
        else:
            architecture = found.choose(context.config.key).architecture
        key, folder = architecture.key, tuner.folder(architecture.key)
        earlier = finetuned_files(context.folder, key, supernet=context.supernet_fingerprint)
        if earlier is not None and earlier.training == tuner.training().hash:
            context.reporter.message(f"finetune: {key} was finetuned in this way before: {folder}")
            return key
        before = None if context.brief is None else evaluator.networks(architecture)
        with context.reporter.progress(f"finetune {key}") as progress:
            done = tuner(architecture, before=before, progress=progress)
        tuner.save(architecture, done, test_error=evaluate(done.network, data=data, split=data.test))
    outcome = "kept" if done.improved else "not better, the weights before stay"
    change = " -> ".join(data.metric.text(quality.error) for quality in (done.inherited, done.trained))
    context.reporter.message(f"finetune: {key}, validation {data.metric} {change}, {outcome}: {folder}")
    return key


def _winner(context: Context, candidates: Sequence[Candidate], known: Devices, tuner: Finetuner) -> Architecture:
    """Return the network that is ahead after rounds of short finetunings; tells how it went."""
    config, space = context.config, context.space
    if config.key != "auto":
        raise ConfigError(
            "finetune.num_configurations",
            expected="no key, for successive halving decides on the network",
            got=f"key={config.key}",
            remedy="leave one of them out",
        )
    # The winners of earlier halvings were recorded by them: without these, the same command begins with the same
    # configurations again.
    found = [c for c in within_budget(candidates, context.budget) if c.source != _SOURCE]
    errors = {c.architecture: c.values["validation_error"] for c in found}
    rng = np.random.default_rng(config.search.seed)
    most = highest_flops(space, cost_function=known.costs, limits=context.budget.limits, rng=rng)
    initial = initial_configurations(errors, most, config.finetune.num_configurations)

    def error_after(architecture: Architecture, steps: int) -> float:
        with context.reporter.progress(f"finetune {architecture.key}") as progress:
            return tuner(architecture, steps=steps, progress=progress).error

    winner, rounds = successive_halving(initial, steps=config.finetune.steps, error_after=error_after)
    if rounds:
        context.reporter.table(_table({a: errors.get(a) for a in initial}, rounds, context.data))
    return winner


def _record(context: Context, architecture: Architecture, known: Devices, evaluator: QualityEvaluator) -> None:
    """Make a network a candidate of the run where it is none."""
    recorder = StoreRecorder(context.store, run_id=context.run.id, predicted=known.predicted, source=_SOURCE)
    record_networks(
        [architecture], space=context.space, cost_function=known.costs, evaluate=evaluator, recorder=recorder
    )


def _table(initial: Mapping[Architecture, float | None], rounds: Sequence[Round], data: TaskData) -> Table:
    """Return how the networks came through the rounds, those that came farthest first."""

    def number(error: float | None) -> str:
        return "" if error is None else data.metric.number(error)

    order = sorted(initial, key=lambda a: [-sum(a.key in r for r in rounds), rounds[-1].get(a.key, 0.0)])
    return Table(
        title=f"successive halving: {data.metric.title('validation')}",
        columns=("key", "network", "evaluated", *(f"round {i + 1}" for i in range(len(rounds)))),
        rows=tuple((a.key, str(a), number(initial[a]), *(number(r.get(a.key)) for r in rounds)) for a in order),
        words=2,
    )


FINETUNER = Stage(name="finetuner", run=finetuner, needs=(EVALUATOR,))
FINETUNE = Stage(name="finetune", run=finetune, needs=(DEVICES, EVALUATOR, FINETUNER, REFERENCES), after=(BASELINES,))
