"""Export one network of the run in every format, with its parity, its hashes and its model card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runs.evaluation.finetuning import FinetunedFiles, finetuned_files
from runs.evaluation.network import NetworkSource, Reference
from runs.export import FORMATS, ParityReport, Subject, is_whole
from runs.lock import exclusive
from runs.pipeline.context import Context
from runs.pipeline.export_folder import subject_of, write_folder
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import found_networks
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import NETWORKS
from runs.pipeline.stages.finalists import FINALISTS
from runs.profiling.devices import Devices
from runs.reports import SimpleModel
from runs.store import Candidate, ExportDetail, WeightOrigin
from search_space.errors import ConfigError
from supernet.calibration import calibrate

__all__ = ["EXPORT"]

_PARITY_LIMIT = 2e-2


def export(context: Context, known: Devices, networks: NetworkSource, simple_models: tuple[SimpleModel, ...]) -> Path:
    """Write the network that ``config.key`` names; returns its folder, which is there whole or not at all.

    A finetuned network is written with its own weights, any other one with those that it was evaluated by. An export
    that has the formats already, each file as it was written, is kept; further formats are added to those that it has.
    """
    candidate = found_networks(context, known, simple_models).choose(context.config.key)
    target = context.folder / "exports" / candidate.key
    with exclusive(context.lock):
        tuned = finetuned_files(context.folder, candidate.key, supernet=context.supernet_fingerprint)
        origin = _origin(networks, candidate, tuned)
        wanted, there = set(context.config.export.formats), _formats_of(context, target, origin)
        if wanted <= there and is_whole(target):
            context.reporter.skipped("export")
        else:
            _write(context, networks, candidate, target, tuned=tuned, origin=origin, formats=sorted(wanted | there))
    context.reporter.message(f"export: {target}")
    return target


def _origin(networks: NetworkSource, candidate: Candidate, tuned: FinetunedFiles | None) -> WeightOrigin:
    """Return what the weights of an export come from."""
    origin = networks.origin(candidate.architecture)
    return origin if tuned is None else replace(origin, finetuned=tuned.weights)


def _formats_of(context: Context, target: Path, origin: WeightOrigin) -> set[str]:
    """Return the formats of a finished export of the same weights."""
    for done in context.store.exports(context.run.id):
        if done.folder == target.name and done.detail.origin == origin and target.exists():
            return set(done.detail.formats) & set(FORMATS)
    return set()


def _write(
    context: Context,
    networks: NetworkSource,
    candidate: Candidate,
    target: Path,
    *,
    tuned: FinetunedFiles | None,
    origin: WeightOrigin,
    formats: Sequence[str],
) -> None:
    if tuned is None:
        architecture = candidate.architecture
        network = calibrate(networks(architecture, keep=True).cpu(), context.data)
    else:
        network = tuned.network()
    subject = subject_of(network, context.data)
    _check_fit(context, candidate, subject)
    right = networks.reference(network) if tuned is None else Reference(compute=network, name="the finetuned network")
    parity = ParityReport(subject, context.data, right=right.compute, source=right.name)
    if right.is_shared:
        parity.add_extracted()
    names = write_folder(context, candidate, target, subject=subject, parity=parity, tuned=tuned, formats=formats)
    norms = {name: row["relative_norm"] for name, row in parity.rows.items()}
    detail = ExportDetail(formats=tuple(names), origin=origin, relative_norms=norms)
    context.store.add_export(context.run.id, candidate.key, folder=target.name, detail=detail)
    worst = max(norms, key=lambda name: norms[name])
    if norms[worst] > _PARITY_LIMIT:
        context.reporter.warning(
            f"{worst} differs from what was evaluated by {100 * norms[worst]:.1f} % of the norm: do not ship it "
            f"(see {target / 'parity.json'})"
        )


def _check_fit(context: Context, candidate: Candidate, subject: Subject) -> None:
    """Refuse a format that the user asked for and that there is none of this network in."""
    for name in context.config.export.formats:
        reason = FORMATS[name].unfit(subject)
        if reason is not None:
            raise ConfigError(
                "export.formats",
                expected=f"a network with {reason}, for {name}",
                got=candidate.key,
                remedy="leave it out",
            )


EXPORT = Stage(name="export", run=export, needs=(DEVICES, NETWORKS, REFERENCES), after=(FINALISTS,))
