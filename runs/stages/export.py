"""Export one network of the run in every format, with its parity and its model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runs.environment import versions
from runs.export import FORMATS, CardData, Subject, compare, model_card
from runs.files import new_folder
from runs.progress import show_progress
from runs.reports.units import quantity
from runs.stages.finalists import remeasure
from runs.stages.front import choose, front
from runs.stages.search import Searched
from runs.store import Candidate
from runs.workspace import Workspace
from search_space import Architecture
from supernet import extract

__all__ = ["export"]

_PARITY_EXAMPLES = 256


def export(workspace: Workspace) -> Path:
    """Write the network that ``config.key`` names; returns its folder, which is there whole or not at all."""
    formats = {name: FORMATS[name]() for name in workspace.config.export.formats}
    searched = remeasure(workspace)
    candidate = _chosen(workspace, searched)
    architecture = Architecture.from_json(candidate.architecture_json)
    example, _ = workspace.data.validation.batch(slice(0, 1))
    subject = Subject(
        simulated=extract(searched.supernet, architecture).eval(),
        in_float=extract(searched.supernet, architecture, simulate_precision=False).eval(),
        example=example,
    )
    inputs, _ = workspace.data.validation.batch(slice(0, _PARITY_EXAMPLES))
    with torch.inference_mode():
        expected = searched.supernet(inputs, architecture).numpy().astype(np.float64)
        extracted = subject.simulated
        parity: dict[str, dict[str, Any]] = {
            "extracted": compare(lambda x: extracted(torch.from_numpy(x)).numpy(), inputs.numpy(), expected)
        }
    target = workspace.folder / "exports" / candidate.key
    with new_folder(target) as folder, show_progress(workspace.console, f"export {candidate.key}") as progress:
        for i, (name, form) in enumerate(formats.items()):
            form.write(subject, folder)
            parity[name] = compare(form.load(folder), inputs.numpy(), expected)
            progress(i + 1, len(formats), name)
        (folder / "parity.json").write_text(json.dumps(parity, indent=2) + "\n")
        np.save(folder / "example_input.npy", example.numpy())
        files = {p.name: p.stat().st_size for p in sorted(folder.iterdir())}
        (folder / "README.md").write_text(model_card(_card(workspace, candidate, architecture, parity, files)))
    detail = {"formats": list(formats), "relative_norm": {n: row["relative_norm"] for n, row in parity.items()}}
    workspace.store.add_export(workspace.run.id, candidate.key, folder=str(target), detail=detail)
    workspace.console.print(f"export: {target}", highlight=False, soft_wrap=True)
    return target


def _chosen(workspace: Workspace, searched: Searched) -> Candidate:
    key = workspace.config.key
    direct = workspace.store.candidate(workspace.run.id, key)
    if direct is not None and direct.state == "complete":
        return direct
    candidates = workspace.store.candidates(workspace.run.id, state="complete")
    members = front(candidates, searched.objectives, workspace.budget)
    return choose(key, members, searched.objectives, workspace.budget)


def _card(
    workspace: Workspace,
    candidate: Candidate,
    architecture: Architecture,
    parity: dict[str, dict[str, Any]],
    files: dict[str, int],
) -> CardData:
    final = candidate.final or {}
    device = f"{workspace.device.cpu_model}, {workspace.setting}"
    measured = {f"validation {workspace.data.metric}": f"{100 - candidate.values['validation_error']:.2f} %"}
    if "test_error" in final:
        measured[f"test {workspace.data.metric}"] = f"{100 - final['test_error']:.2f} %"
    if "latency_ms" in final:
        measured[f"latency, measured ({device})"] = quantity(final["latency_ms"], "ms")
    measured["latency, predicted"] = quantity(candidate.predicted["latency_ms"], "ms")
    for name, unit in (("size_bytes", "bytes"), ("params", "count"), ("flops", "count")):
        measured[name.removesuffix("_bytes")] = quantity(candidate.values[name], unit)
    return CardData(
        architecture=architecture,
        task=workspace.config.task.name,
        metric=workspace.data.metric,
        input_shape=workspace.data.shape.input_shape,
        measured=measured,
        environment=versions(),
        parity=parity,
        files=files,
        command=f"nasweave export name={workspace.config.name} key={candidate.key}",
    )
