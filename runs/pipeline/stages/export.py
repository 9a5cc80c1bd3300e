"""Export one network of the run in every format, with its parity, its hashes and its model card."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from hardware_profiles.portable.exported_folder import EXAMPLE
from runs.environment import versions
from runs.evaluation.network import brief_training, network_of
from runs.export import (
    FORMATS,
    CardData,
    ParityReport,
    Subject,
    file_sizes,
    is_whole,
    model_card,
    notice,
    write_manifest,
)
from runs.files import new_folder
from runs.lock import exclusive
from runs.pipeline.stages.chosen import chosen
from runs.pipeline.stages.finalists import remeasure
from runs.pipeline.stages.finetune import FinetunedFiles, finetuned_files
from runs.pipeline.stages.search import Searched
from runs.pipeline.stages.train import supernet_fingerprint
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.reports.units import quantity
from runs.store import Candidate
from search_space import Architecture
from search_space.errors import ConfigError
from supernet import Network
from supernet.blocks import deployed
from supernet.calibration import calibrate, is_calibrated
from supernet.tasks import TASKS

__all__ = ["export"]

_PARITY_LIMIT = 2e-2
_log = logging.getLogger("nasweave.runs")


def export(workspace: Workspace) -> Path:
    """Write the network that ``config.key`` names; returns its folder, which is there whole or not at all.

    A finetuned network is written with its own weights, any other one with those that it was judged by. An export that
    has the formats already, each file as it was written, is kept; further formats are added to those that it has.
    """
    searched = remeasure(workspace)
    candidate = chosen(workspace, searched)
    target = workspace.folder / "exports" / candidate.key
    with exclusive(workspace.folder / ".lock"):
        tuned = finetuned_files(workspace, candidate.key)
        wanted, there = set(workspace.config.export.formats), _formats_of(workspace, target, tuned)
        if not wanted <= there or not is_whole(target):
            _write(workspace, searched, candidate, target, tuned=tuned, formats=sorted(wanted | there))
    workspace.console.print(f"export: {target}", highlight=False, markup=False, soft_wrap=True)
    return target


def _origin(workspace: Workspace, tuned: FinetunedFiles | None) -> dict[str, str]:
    """Return what the weights of an export come from."""
    origin, brief = {"supernet": supernet_fingerprint(workspace)}, brief_training(workspace)
    if tuned is not None:
        return {**origin, "finetuned": tuned.weights}
    return origin if brief is None else {**origin, "finetuned": brief.hash}


def _formats_of(workspace: Workspace, target: Path, tuned: FinetunedFiles | None) -> set[str]:
    """Return the formats of a finished export of the same weights."""
    origin = _origin(workspace, tuned)
    for done in workspace.store.exports(workspace.run.id):
        found = {name: done.detail[name] for name in ("supernet", "finetuned") if name in done.detail}
        if done.folder == target.name and found == origin and target.exists():
            return set(done.detail["formats"]) & set(FORMATS)
    return set()


def _write(
    workspace: Workspace,
    searched: Searched,
    candidate: Candidate,
    target: Path,
    *,
    tuned: FinetunedFiles | None,
    formats: Sequence[str],
) -> None:
    architecture = Architecture.from_json(candidate.architecture_json)
    example, _ = workspace.data.validation.batch(slice(0, 1))
    if tuned is None:
        network = calibrate(network_of(workspace, architecture, keep=True).cpu(), workspace.data)
    else:
        network = tuned.network()
    subject = Subject(
        simulated=_copied(network, simulate_precision=True),
        in_float=_copied(network, simulate_precision=False),
        example=example,
    )
    companions = {c for name in formats for c in FORMATS[name].companions if FORMATS[c].unfit(subject) is None}
    forms = {name: FORMATS[name]() for name in sorted({*formats, *companions})}
    for name, form in forms.items():
        reason = form.unfit(subject)
        if reason is not None and name in workspace.config.export.formats:
            raise ConfigError(
                "export.formats",
                expected=f"a network with {reason}, for {name}",
                got=candidate.key,
                remedy="leave it out",
            )
    if tuned is not None or brief_training(workspace) is not None:
        parity_report = ParityReport(subject, workspace.data, right=network, source="the finetuned network")
    elif is_calibrated(network):  # the supernet knows no ranges
        parity_report = ParityReport(subject, workspace.data, right=network, source="the calibrated network")
    else:

        def supernet(inputs: Tensor) -> Tensor:
            return searched.supernet(inputs.to(workspace.accelerator), architecture).cpu()  # type: ignore[no-any-return]

        parity_report = ParityReport(subject, workspace.data, right=supernet, source="the supernet")
        parity_report.add_extracted()
    with new_folder(target) as folder, show_progress(workspace.console, f"export {candidate.key}") as progress:
        for i, (name, form) in enumerate(forms.items()):
            form.write(subject, folder)
            parity_report.add(name, form, folder)
            progress(i + 1, len(forms), name)
        np.save(folder / EXAMPLE, example.numpy())
        for name, text in _texts(workspace).items():
            (folder / name).write_text(text, encoding="utf-8")
        write_manifest(folder, name=target.name, formats=forms, subject=subject)
        parity_report.test()
        if workspace.config.export.measure:
            parity_report.measure(forms, folder, threads=workspace.setting.threads)
        (folder / "parity.json").write_text(json.dumps(parity_report.rows, indent=2) + "\n")
        card = _card(workspace, candidate, architecture, tuned, parity_report.rows, file_sizes(folder))
        (folder / "README.md").write_text(model_card(card), encoding="utf-8")
        write_manifest(folder, name=target.name, formats=forms, subject=subject)
    detail = {
        "formats": list(forms),
        **_origin(workspace, tuned),
        "relative_norm": {name: row["relative_norm"] for name, row in parity_report.rows.items()},
    }
    workspace.store.add_export(workspace.run.id, candidate.key, folder=target.name, detail=detail)
    worst = max(parity_report.rows, key=lambda name: parity_report.rows[name]["relative_norm"])
    if parity_report.rows[worst]["relative_norm"] > _PARITY_LIMIT:
        _log.warning(
            "%s differs from the supernet by %.1f %% of the norm: do not ship it (see %s)",
            worst,
            100 * parity_report.rows[worst]["relative_norm"],
            target / "parity.json",
        )


def _texts(workspace: Workspace) -> dict[str, str]:
    """Return the text files that a user of the network needs: the task's own, preprocessing, licence notice."""
    task = workspace.config.task.name
    return {
        **workspace.data.files,
        "preprocessing.json": json.dumps(workspace.data.preprocessing(), indent=1) + "\n",
        "NOTICE": notice(task=task, licence=TASKS[task].licence, source=TASKS[task].source),
    }


def _copied(network: Network, *, simulate_precision: bool) -> Network:
    """Return a network of the same weights in the form that is deployed."""
    copy = Network(network.architecture, network.geometry, simulate_precision=simulate_precision)
    copy.load_state_dict(network.state_dict())
    return deployed(copy.eval())


def _card(
    workspace: Workspace,
    candidate: Candidate,
    architecture: Architecture,
    tuned: FinetunedFiles | None,
    parity: dict[str, dict[str, Any]],
    files: dict[str, int],
) -> CardData:
    final = dict(candidate.final or {})
    validation_error = candidate.values["validation_error"]
    if tuned is not None:
        validation_error, final["test_error"] = tuned.validation_error, tuned.test_error
    device = f"{workspace.device.cpu_model}, {workspace.setting}"
    measured = {f"validation {workspace.data.metric}": workspace.data.metric_text(validation_error)}
    if "test_error" in final:
        measured[f"test {workspace.data.metric}"] = workspace.data.metric_text(final["test_error"])
    if "latency_ms" in final:
        measured[f"latency, measured ({device})"] = quantity(final["latency_ms"], "ms")
    if "energy_mj" in final:
        measured[f"energy, measured ({device})"] = quantity(final["energy_mj"], "mJ")
    if "latency_ms" in candidate.predicted:
        measured["latency, predicted"] = quantity(candidate.predicted["latency_ms"], "ms")
    for name, unit in (("size_bytes", "bytes"), ("params", "count"), ("flops", "count")):
        measured[name.removesuffix("_bytes")] = quantity(candidate.values[name], unit)
    test_error = final.get("test_error")
    as_metric = None if test_error is None else 100 - test_error if workspace.data.unit == "%" else test_error
    space, config, brief = workspace.space, workspace.config, brief_training(workspace)
    finetuned = ", finetuned" if tuned is not None else "" if brief is None else f", finetuned for {brief.steps} steps"
    return CardData(
        architecture=architecture,
        shape=workspace.data.shape,
        task=config.task.name,
        metric=workspace.data.metric,
        test_value=as_metric,
        measured=measured,
        found={
            "search space": f"{space.name}, 10^{space.log10_size:.1f} networks, fingerprint {space.fingerprint}",
            "objectives": ", ".join(config.search.objectives),
            "sampler": f"{config.search.sampler}, {config.search.n_trials} networks, seed {config.search.seed}",
            "came from": candidate.source,
            "weights": f"supernet {supernet_fingerprint(workspace)}{finetuned}",
            "data": f"{config.task.name}, {workspace.data.data_hash}",
        },
        environment=versions(),
        parity=parity,
        files=files,
        command=f"{workspace.export_command} key={candidate.key}",
        licence=TASKS[config.task.name].licence,
        source=TASKS[config.task.name].source,
    )
