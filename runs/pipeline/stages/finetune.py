"""Finetune a network, the chosen one or the winner of a race; export then takes its weights, not the inherited ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.table import Table

from runs.evaluation.evaluator import QualityEvaluator
from runs.evaluation.network import brief_training, network_of
from runs.files import new_folder
from runs.lock import exclusive
from runs.objectives.front import within_budget
from runs.pipeline.stages.chosen import chosen
from runs.pipeline.stages.devices import devices
from runs.pipeline.stages.search import Searched, found_candidates, search
from runs.pipeline.stages.train import supernet_fingerprint
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.search import StoreRecorder
from runs.search.algorithms.highest_flops import highest_flops
from runs.search.algorithms.successive_halving import Round, initial_configurations, successive_halving
from search_space import Architecture
from search_space.errors import ConfigError
from supernet import Network
from supernet.saving import load_network, save_network
from supernet.training import Finetuned, evaluate
from supernet.training import finetune as finetune_network

__all__ = ["FinetunedFiles", "finetune", "finetuned_files", "trained_further"]

_RESULT = "finetune.json"
_SOURCE = "race"  # of a candidate that no search proposed


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


def finetune(workspace: Workspace) -> str:
    """Train a network a little further; returns its key.

    It is the one that ``config.key`` names, or, with ``config.finetune.num_configurations``, the winner among so many
    networks within the budget. An interrupted finetuning continues; with other settings than before it begins anew and
    replaces the result.
    """
    searched = search(workspace)
    with exclusive(workspace.folder / ".lock"):
        architecture = (
            _winner(workspace, searched)
            if workspace.config.finetune.num_configurations
            else _chosen(workspace, searched)
        )
        config = workspace.config.finetune.training(workspace.config.training)
        folder = _folder(workspace, architecture.key)
        earlier = finetuned_files(workspace, architecture.key)
        if earlier is not None and earlier.training == config.hash:
            _say(workspace, f"{architecture.key} was finetuned in this way before: {folder}")
            return architecture.key
        before = None if brief_training(workspace) is None else network_of(workspace, architecture)
        done = trained_further(workspace, searched, architecture, steps=config.steps, before=before)
        result = {
            "supernet": supernet_fingerprint(workspace),
            "training": config.hash,
            "improved": done.improved,
            "inherited_validation_error": done.inherited.error,
            "trained_validation_error": done.trained.error,
            "validation_error": done.error,
            "test_error": evaluate(done.network, data=workspace.data, split=workspace.data.test),
        }
        with new_folder(folder / "network") as new:
            save_network(done.network, new)
            (new / _RESULT).write_text(json.dumps(result, indent=2) + "\n")
    outcome = "kept" if done.improved else "not better, the weights before stay"
    change = " -> ".join(workspace.data.metric_text(quality.error) for quality in (done.inherited, done.trained))
    _say(workspace, f"{architecture.key}, validation {workspace.data.metric} {change}, {outcome}: {folder}")
    return architecture.key


def trained_further(
    workspace: Workspace, searched: Searched, architecture: Architecture, *, steps: int, before: Network | None = None
) -> Finetuned:
    """Return a network finetuned for so many steps, from a checkpoint where there is one, or ``before`` if better."""
    config = replace(workspace.config.finetune, steps=steps).training(workspace.config.training)
    with show_progress(workspace.console, f"finetune {architecture.key}") as progress:
        return finetune_network(
            searched.supernet,
            architecture,
            workspace.data,
            config,
            supernet_fingerprint=supernet_fingerprint(workspace),
            folder=_folder(workspace, architecture.key) / f"training-{config.hash}",
            before=before,
            progress=progress,
        )


def _chosen(workspace: Workspace, searched: Searched) -> Architecture:
    return Architecture.from_json(chosen(workspace, searched).architecture_json)


def _winner(workspace: Workspace, searched: Searched) -> Architecture:
    """Return the network that is ahead in a race of short finetunings; tells how it went."""
    config = workspace.config.finetune
    if workspace.config.key != "auto":
        raise ConfigError(
            "finetune.race",
            expected="no key, for the race decides on the network",
            got=f"key={workspace.config.key}",
            remedy="leave one of them out",
        )
    candidates = within_budget(found_candidates(workspace, searched), workspace.budget)
    # The winners of earlier races were recorded by them: without these, the same race has the same entrants again.
    found = [c for c in candidates if c.source != _SOURCE]
    judged = {Architecture.from_json(c.architecture_json): c.values["validation_error"] for c in found}
    space, limits = workspace.space, workspace.budget.limits
    rng = np.random.default_rng(workspace.config.search.seed)
    roomy = highest_flops(space, cost_function=searched.cost_function, limits=limits, rng=rng)
    entered = initial_configurations(judged, roomy, config.num_configurations)
    winner, rounds = successive_halving(
        entered,
        steps=config.steps,
        error_after=lambda architecture, steps: trained_further(workspace, searched, architecture, steps=steps).error,
    )
    if rounds:
        workspace.console.print(_table(workspace, {a: judged.get(a) for a in entered}, rounds))
    _record(workspace, searched, winner)
    return winner


def _record(workspace: Workspace, searched: Searched, architecture: Architecture) -> None:
    """Make a network a candidate of the run where it is none."""
    predicted, store = devices(workspace).predicted, workspace.store
    record = StoreRecorder(store, run_id=workspace.run.id, predicted=predicted, source=_SOURCE)
    if architecture.key in record.known():
        return
    cost_function = searched.cost_function(workspace.space.encode([architecture]))
    evaluator = QualityEvaluator(workspace, objectives=searched.objectives, cost_function=searched.cost_function)
    values = {name: float(column[0]) for name, column in cost_function.items()} | evaluator(architecture, whole=True)
    record.add(architecture.key, architecture=architecture, values=values, trial_number=None)


def _table(workspace: Workspace, entered: Mapping[Architecture, float | None], rounds: list[Round]) -> Table:
    data = workspace.data

    def number(error: float | None) -> str:
        return "" if error is None else data.metric_text(error).removesuffix(data.unit).strip()

    title = f"race: validation {data.metric}" + (", %" if data.unit == "%" else "")
    table = Table("key", title=title)
    table.add_column("network", overflow="fold")
    for heading in ("judged", *(f"round {i + 1}" for i in range(len(rounds)))):
        table.add_column(heading, justify="right")
    for a in sorted(entered, key=lambda a: [-sum(a.key in r for r in rounds), rounds[-1].get(a.key, 0.0)]):
        errors = [entered[a], *(r.get(a.key) for r in rounds)]
        table.add_row(a.key, str(a), *map(number, errors))
    return table


def _say(workspace: Workspace, text: str) -> None:
    workspace.console.print(f"finetune: {text}", highlight=False, markup=False, soft_wrap=True)


def _folder(workspace: Workspace, key: str) -> Path:
    return workspace.folder / "finetuned" / key
