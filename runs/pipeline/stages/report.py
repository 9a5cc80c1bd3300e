"""Write the report of a run: everything evaluated, the front re-measured, the baselines, the environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from runs.environment import versions
from runs.evaluation.candidates import FoundNetworks
from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.finetuning import finetuned_files
from runs.evaluation.judged.classes import class_results
from runs.evaluation.judged.doubt import difference
from runs.evaluation.network import NetworkSource
from runs.evaluation.sensitivity import precision_losses
from runs.files import write_text
from runs.objectives.front import quality_of
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.report_data import report_data
from runs.pipeline.search_record import found_networks
from runs.pipeline.stages.baselines import BASELINES, Baselines
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR, NETWORKS
from runs.pipeline.stages.feasibility import CORNERS
from runs.pipeline.stages.finalists import FINALISTS
from runs.pipeline.stages.search import SEARCH, Searched
from runs.profiling.devices import Devices
from runs.reports import Answered, Doubt, Sensitivity, SimpleModel, terminal_lines
from runs.reports.judged.texts import doubt_text
from runs.store import Candidate
from search_space.errors import BudgetError, CheckpointError
from supernet import Network
from supernet.calibration import calibrate

__all__ = ["REPORT"]

T = TypeVar("T")


def report(
    context: Context,
    known: Devices,
    corners: Mapping[str, Mapping[str, float]],
    evaluator: QualityEvaluator,
    searched: Searched,
    baselines: Baselines,
    simple_models: tuple[SimpleModel, ...],
    networks: NetworkSource,
) -> Path:
    """Write ``report/`` into the run's folder; returns the HTML file."""
    from runs.reports.write import write_report  # loads what draws, which takes a second that other verbs save

    found = found_networks(context, known, simple_models)
    data = report_data(
        context,
        found,
        profile=known.own,
        corners=corners,
        searched=searched,
        baselines=baselines,
        sensitivity=_sensitivity(context, found, evaluator) if context.config.sensitivity else None,
        simple_models=simple_models,
        classes=_if_there(context, lambda: _classes(context, found, networks)),
        doubt=_if_there(context, lambda: _doubt(context, found, networks)),
    )
    write_text(context.folder / "space.json", context.space.to_json() + "\n")
    write_text(context.folder / "env.json", json.dumps(versions(), indent=2) + "\n")
    page = write_report(data, context.folder / "report")
    for line in terminal_lines(data):
        context.reporter.message(line)
    if warning := doubt_text(data):
        context.reporter.warning(warning)
    context.reporter.message(f"report: {page}")
    return page


def _if_there(context: Context, look: Callable[[], T | None]) -> T | None:
    """Return what needs networks; none, with a warning, where their weights are gone."""
    try:
        return look()
    except CheckpointError as error:
        context.reporter.warning(f"the report looks less closely at its networks: {error}")
        return None


def _classes(context: Context, found: FoundNetworks, networks: NetworkSource) -> Answered | None:
    """Return what the network that is exported answers on the test split, with the weights that it is exported with."""
    if context.data.kind not in ("classes", "labels", "token_labels"):
        return None
    try:
        chosen = found.choose(context.config.key)
    except BudgetError:
        return None
    tuned = finetuned_files(context.folder, chosen.key, supernet=context.supernet_fingerprint)
    network = _network(context, networks, chosen) if tuned is None else tuned.network()
    return class_results(network, context.data, key=chosen.key)


def _doubt(context: Context, found: FoundNetworks, networks: NetworkSource) -> Doubt | None:
    """Return whether the validation split tells the best network of the front from the worst."""
    name, members = quality_of(context.objectives).name, found.front
    if name != "validation_error" or len(members) < 2:
        return None
    members = sorted(members, key=lambda c: c.values[name])
    pair = (_network(context, networks, members[0]), _network(context, networks, members[-1]))
    examples, total = context.config.evaluation.examples, len(context.data.validation)
    more, noise = difference(pair, context.data, examples=examples)
    return Doubt(
        examples=min(examples or total, total),
        best=members[0].key,
        worst=members[-1].key,
        difference=more,
        standard_error=noise,
    )


def _network(context: Context, networks: NetworkSource, candidate: Candidate) -> Network:
    return calibrate(networks(candidate.architecture, keep=True), context.data)


def _sensitivity(context: Context, found: FoundNetworks, evaluator: QualityEvaluator) -> Sensitivity | None:
    """Return what each precision costs the first network that the report proposes.

    With a supernet the qualities are kept with all others of it, so that a second report evaluates nothing.
    """
    chosen = next(iter(found.chosen.values()), None)
    if chosen is None:
        return None
    network = chosen.architecture
    with context.reporter.progress("sensitivity") as progress:
        losses = precision_losses(
            context.space,
            network,
            loss_of=lambda architecture: evaluator(architecture, whole=True)["validation_loss"],
            progress=progress,
        )
    if losses is None:
        return None
    precisions = tuple(losses.changed)
    names = tuple(next(iter(losses.changed.values())))
    examples, total = context.config.evaluation.examples, len(context.data.validation)
    return Sensitivity(
        key=chosen.key,
        sub_blocks=names,
        precisions=precisions,
        loss_change=tuple(tuple(losses.changed[p][name] / losses.in_float - 1 for p in precisions) for name in names),
        examples=min(examples or total, total),
    )


REPORT = Stage(
    name="report",
    run=report,
    needs=(DEVICES, CORNERS, EVALUATOR, SEARCH, BASELINES, REFERENCES, NETWORKS),
    after=(SEARCH, FINALISTS),
)
