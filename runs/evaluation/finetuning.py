"""Finetuned networks of a run, on the disk: export takes their weights in place of the inherited ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runs.evaluation.config import FinetuneConfig
from runs.evaluation.network import Networks
from runs.files import new_folder
from runs.reporter import ProgressCallback
from search_space import Architecture
from search_space.errors import CheckpointError, reason_of
from search_space.schema import MalformedError, number, one_of, parse_json, read_file, record, text
from supernet import Network
from supernet.saving import CONFIG, load_network, save_network
from supernet.training import Finetuned, TrainingConfig
from supernet.training import finetune as finetune_network

__all__ = ["FinetunedFiles", "Finetuner", "finetuned_files"]

_RESULT, _MOST_BYTES = "finetune.json", 2**24
_FIELDS = record(
    {
        "supernet": text(),
        "training": text(),
        "improved": one_of(True, False),
        **dict.fromkeys(
            ("inherited_validation_error", "trained_validation_error", "validation_error", "test_error"), number()
        ),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetunedFiles:
    """A finetuned network on the disk; errors in the task's unit."""

    folder: Path
    training: str
    weights: str
    validation_error: float
    test_error: float

    def network(self, *, simulate_precision: bool = True) -> Network:
        """Read the network."""
        return load_network(self.folder, simulate_precision=simulate_precision)


def finetuned_files(folder: Path, key: str, *, supernet: str) -> FinetunedFiles | None:
    """Return the finetuned network of a key in a run's folder, if there is one of the supernet of that fingerprint."""
    found = folder / "finetuned" / key / "network"
    if not (found / _RESULT).exists():
        return None
    try:
        result = _FIELDS(parse_json(read_file(found / _RESULT, most_bytes=_MOST_BYTES)))
        weights = parse_json(read_file(found / CONFIG, most_bytes=_MOST_BYTES))["weights_sha256"]
    except (OSError, MalformedError, LookupError, TypeError) as error:
        raise CheckpointError(
            str(found),
            expected="a finetuned network",
            got=reason_of(error),
            remedy="remove this folder to finetune again",
        ) from error
    if result["supernet"] != supernet:
        return None
    return FinetunedFiles(
        folder=found,
        training=result["training"],
        weights=str(weights),
        validation_error=result["validation_error"],
        test_error=result["test_error"],
    )


class Finetuner:
    """Trains networks of a run a little further.

    Parameters
    ----------
    networks
        The networks of the run.
    config, training
        How, and the hyperparameters of the supernet that hold for the rest.
    folder
        The run's folder.
    """

    def __init__(self, networks: Networks, *, config: FinetuneConfig, training: TrainingConfig, folder: Path) -> None:
        self.networks, self.config, self._training, self._folder = networks, config, training, folder / "finetuned"

    def folder(self, key: str) -> Path:
        """Return where the finetunings of a network lie."""
        return self._folder / key

    def training(self, steps: int | None = None) -> TrainingConfig:
        """Return the hyperparameters for so many steps; for those of the configuration when ``None``."""
        config = self.config if steps is None else replace(self.config, steps=steps)
        return config.training(self._training)

    def __call__(
        self,
        architecture: Architecture,
        *,
        steps: int | None = None,
        before: Network | None = None,
        progress: ProgressCallback | None = None,
    ) -> Finetuned:
        """Return the better of ``before`` and the network after so many steps; an interrupted training continues."""
        config = self.training(steps)
        return finetune_network(
            self.networks.supernet,
            architecture,
            self.networks.data,
            config,
            supernet_fingerprint=self.networks.fingerprint,
            folder=self.folder(architecture.key) / f"training-{config.hash}",
            before=before,
            progress=progress,
        )

    def save(self, architecture: Architecture, done: Finetuned, *, test_error: float) -> None:
        """Keep a network that was finetuned as configured, with what is known of it."""
        result: Mapping[str, Any] = {
            "supernet": self.networks.fingerprint,
            "training": self.training().hash,
            "improved": done.improved,
            "inherited_validation_error": done.inherited.error,
            "trained_validation_error": done.trained.error,
            "validation_error": done.error,
            "test_error": test_error,
        }
        with new_folder(self.folder(architecture.key) / "network") as new:
            save_network(done.network, new)
            (new / _RESULT).write_text(json.dumps(result, indent=2) + "\n")
