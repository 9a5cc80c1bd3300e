"""The values of a quality as they are recorded, and what a quality depends on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from runs.evaluation.config import EvaluationConfig
from runs.objectives import FRACTION, noise_of
from supernet.tasks import TaskData
from supernet.training import Quality, TrainingConfig
from supernet.training.checkpoint import FILE

__all__ = ["FIRST_METRICS", "checkpoint_hash", "named", "quality_context"]

FIRST_METRICS = ("accuracy", "bits_per_byte", "mean_squared_error")
"""One of each kind of task, before there was a choice: what was evaluated then does not say it."""

_VERSION = 1  # of what is computed; raised with any change of it


def checkpoint_hash(folder: Path) -> str:
    """Return twelve hexadecimal digits of the trained weights as they lie in a supernet's folder."""
    with (folder / FILE).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def quality_context(
    *, checkpoint: str, data: TaskData, config: EvaluationConfig, brief: TrainingConfig | None = None
) -> str:
    """Return a hash of all that a quality depends on beside the architecture."""
    total = len(data.validation)
    parts = {
        "version": _VERSION,
        "checkpoint": checkpoint,
        "data": data.data_hash,
        "bf16": config.bf16,
        "examples": min(config.examples or total, total),
    }
    if brief is not None:
        parts["finetuning"] = brief.hash
    if data.metric.key not in FIRST_METRICS:
        parts["metric"] = data.metric.name
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def named(quality: Quality) -> dict[str, float]:
    """Return the values of a quality as they are recorded, the fraction only where it is not the whole."""
    values = {
        "validation_error": quality.error,
        noise_of("validation_error"): quality.error_se,
        "validation_loss": quality.loss,
        noise_of("validation_loss"): quality.loss_se,
    }
    return values if quality.examples == quality.total else {**values, FRACTION: quality.fraction}
