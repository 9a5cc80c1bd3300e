"""The network that a run means by an architecture: what is judged, tested and exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from runs.files import new_folder
from runs.pipeline.stages.train import supernet_fingerprint, train
from runs.pipeline.workspace import Workspace
from search_space import Architecture
from supernet import Network, extract
from supernet.saving import load_network, save_network
from supernet.training import TrainingConfig, distil

__all__ = ["brief_training", "network_of", "weights_fingerprint"]


def brief_training(workspace: Workspace) -> TrainingConfig | None:
    """Return how each network is finetuned before it is judged; ``None`` where the supernet's weights are judged."""
    config = workspace.config
    if not config.evaluation.finetune_steps:
        return None
    return replace(config.finetune, steps=config.evaluation.finetune_steps).training(config.training)


def weights_fingerprint(workspace: Workspace) -> str:
    """Return the hash of what decides the weights of every network of the run."""
    brief = brief_training(workspace)
    return supernet_fingerprint(workspace) + ("" if brief is None else f"-{brief.hash}")


def network_of(workspace: Workspace, architecture: Architecture, *, keep: bool = False) -> Network:
    """Return the network in evaluation mode, not calibrated: of the supernet's weights, or briefly finetuned.

    On one machine, with one number of threads, the same weights come out every time. ``keep`` keeps those of a brief
    finetuning in the run's folder, for all later calls, so that what was tested is what is exported.
    """
    supernet, config = train(workspace), brief_training(workspace)
    if config is None:
        return extract(supernet, architecture).eval()
    kept = workspace.folder / "brief" / f"{architecture.key}-{weights_fingerprint(workspace)}"
    if kept.exists():
        return load_network(kept).to(next(supernet.parameters()).device)
    with TemporaryDirectory(prefix="nasweave-") as folder:
        network = distil(
            supernet,
            architecture,
            workspace.data,
            config,
            supernet_fingerprint=supernet_fingerprint(workspace),
            folder=Path(folder),
        )
    if keep:
        with new_folder(kept) as new:
            save_network(network, new)
    return network
