"""Finetune the chosen network; export then takes its weights in place of the inherited ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from runs.files import new_folder
from runs.lock import exclusive
from runs.progress import show_progress
from runs.stages.chosen import chosen
from runs.stages.search import search
from runs.stages.train import supernet_fingerprint
from runs.workspace import Workspace
from search_space import Architecture
from supernet import Network
from supernet.saving import load_network, save_network
from supernet.training import evaluate
from supernet.training import finetune as finetune_network

__all__ = ["FinetunedFiles", "finetune", "finetuned_files"]

_RESULT = "finetune.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetunedFiles:
    """A finetuned network on the disk; errors in percent."""

    folder: Path
    training: str
    weights: str
    validation_error: float
    test_error: float

    def network(self, *, simulate_precision: bool = True) -> Network:
        """Read the network."""
        return load_network(self.folder, simulate_precision=simulate_precision)


def finetuned_files(workspace: Workspace, key: str) -> FinetunedFiles | None:
    """Return the finetuned network of that key, if there is one of this run's supernet."""
    folder = _folder(workspace, key) / "network"
    if not (folder / _RESULT).exists():
        return None
    result = json.loads((folder / _RESULT).read_text())
    if result["supernet"] != supernet_fingerprint(workspace):
        return None
    weights = json.loads((folder / "config.json").read_text())["weights_sha256"]
    return FinetunedFiles(
        folder=folder,
        training=result["training"],
        weights=weights,
        validation_error=result["validation_error"],
        test_error=result["test_error"],
    )


def finetune(workspace: Workspace) -> Path:
    """Train the network that ``config.key`` names a little further; returns the folder with it and its curve.

    An interrupted finetuning continues; with other settings than before it begins anew and replaces the result.
    """
    searched = search(workspace)
    candidate = chosen(workspace, searched)
    config = workspace.config.finetune.training(workspace.config.training)
    folder = _folder(workspace, candidate.key)
    earlier = finetuned_files(workspace, candidate.key)
    if earlier is not None and earlier.training == config.hash:
        _say(workspace, f"{candidate.key} was finetuned in this way before: {folder}")
        return folder
    with exclusive(workspace.folder / ".lock"):
        with show_progress(workspace.console, f"finetune {candidate.key}") as progress:
            done = finetune_network(
                searched.supernet,
                Architecture.from_json(candidate.architecture_json),
                workspace.data,
                config,
                supernet_fingerprint=supernet_fingerprint(workspace),
                folder=folder / f"training-{config.hash}",
                progress=progress,
            )
        result = {
            "supernet": supernet_fingerprint(workspace),
            "training": config.hash,
            "improved": done.improved,
            "inherited_validation_error": done.inherited.error,
            "trained_validation_error": done.trained.error,
            "validation_error": min(done.inherited.error, done.trained.error),
            "test_error": evaluate(done.network, data=workspace.data, split=workspace.data.test),
        }
        with new_folder(folder / "network") as new:
            save_network(done.network, new)
            (new / _RESULT).write_text(json.dumps(result, indent=2) + "\n")
    outcome = "kept" if done.improved else "not better, the inherited weights stay"
    before, after = (workspace.data.metric_text(quality.error) for quality in (done.inherited, done.trained))
    _say(workspace, f"{candidate.key}, validation {workspace.data.metric} {before} -> {after}, {outcome}: {folder}")
    return folder


def _say(workspace: Workspace, text: str) -> None:
    workspace.console.print(f"finetune: {text}", highlight=False, markup=False, soft_wrap=True)


def _folder(workspace: Workspace, key: str) -> Path:
    return workspace.folder / "finetuned" / key
