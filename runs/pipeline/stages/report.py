"""Write the report of a run: everything evaluated, the front re-measured, the baselines, the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from runs.environment import versions
from runs.evaluation.candidates import FoundNetworks
from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.sensitivity import precision_losses
from runs.files import write_text
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.report_data import report_data
from runs.pipeline.search_record import found_networks
from runs.pipeline.stages.baselines import BASELINES, Baselines
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.pipeline.stages.feasibility import CORNERS
from runs.pipeline.stages.finalists import FINALISTS
from runs.pipeline.stages.references import REFERENCES
from runs.pipeline.stages.search import SEARCH, Searched
from runs.profiling.devices import Devices
from runs.reports import Sensitivity, SimpleModel, terminal_lines

__all__ = ["REPORT"]


def report(
    context: Context,
    known: Devices,
    corners: Mapping[str, Mapping[str, float]],
    evaluator: QualityEvaluator,
    searched: Searched,
    baselines: Baselines,
    simple_models: tuple[SimpleModel, ...],
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
    )
    write_text(context.folder / "space.json", context.space.to_json() + "\n")
    write_text(context.folder / "env.json", json.dumps(versions(), indent=2) + "\n")
    page = write_report(data, context.folder / "report")
    for line in terminal_lines(data):
        context.reporter.message(line)
    context.reporter.message(f"report: {page}")
    return page


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
    needs=(DEVICES, CORNERS, EVALUATOR, SEARCH, BASELINES, REFERENCES),
    after=(SEARCH, FINALISTS),
)
