"""The network that a run means by an architecture: what is judged, tested and exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from runs.stages.train import supernet_fingerprint, train
from runs.workspace import Workspace
from search_space import Architecture
from supernet import Network, extract
from supernet.training import TrainingConfig, distil

__all__ = ["brief_training", "network_of"]


def brief_training(workspace: Workspace) -> TrainingConfig | None:
    """Return how each network is finetuned before it is judged; ``None`` where the supernet's weights are judged."""
    config = workspace.config
    if not config.evaluation.finetune_steps:
        return None
    return replace(config.finetune, steps=config.evaluation.finetune_steps).training(config.training)


def network_of(workspace: Workspace, architecture: Architecture) -> Network:
    """Return the network in evaluation mode, not calibrated: of the supernet's weights, or briefly finetuned.

    The same weights come out every time, so only results are kept.
    """
    supernet, config = train(workspace), brief_training(workspace)
    if config is None:
        return extract(supernet, architecture).eval()
    with TemporaryDirectory(prefix="nasweave-") as folder:
        return distil(
            supernet,
            architecture,
            workspace.data,
            config,
            supernet_fingerprint=supernet_fingerprint(workspace),
            folder=Path(folder),
        )
