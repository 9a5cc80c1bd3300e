"""How far each file's outputs are from those of the evaluated network, on real inputs, read back and run.

Integer activations have one range per call in the runtimes; at batch 1 that is what our simulation has, so files
with integer kernels run one example at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from runs.export.formats import Predict
from supernet.tasks import Split, TaskData

__all__ = ["FLOAT_BATCH", "compare", "tested_metric", "tested_rows"]

FLOAT_BATCH = 32  # larger ones are slower an example, for their activations leave the caches
_SEED = 0


def compare(
    predict: Predict, inputs: NDArray[np.float32], expected: NDArray[np.float64], *, one_by_one: bool = True
) -> dict[str, Any]:
    """Run ``predict`` on each example and compare with the expected outputs ``(n, outputs)``.

    Returns
    -------
    Largest and mean absolute difference, relative norm of the difference, the share of equal decisions, and the
    seconds that an example took.
    """
    started = time.perf_counter()
    size = 1 if one_by_one else FLOAT_BATCH
    outputs = np.concatenate([predict(inputs[i : i + size]) for i in range(0, len(inputs), size)])
    seconds = (time.perf_counter() - started) / len(inputs)
    difference = np.abs(outputs.astype(np.float64) - expected)
    return {
        "examples": len(inputs),
        "max_abs_difference": float(difference.max()),
        "mean_abs_difference": float(difference.mean()),
        "relative_norm": float(np.linalg.norm(difference) / np.linalg.norm(expected)),
        "decision_agreement": float((outputs.argmax(-1) == expected.argmax(-1)).mean()),
        "seconds": seconds,
    }


def tested_rows(split: Split, *, most: int) -> torch.Tensor:
    """Return the rows that a metric is computed on: all, or ``most`` under a fixed seed, the same for all files."""
    if most >= len(split):
        return torch.arange(len(split))
    return torch.randperm(len(split), generator=torch.Generator().manual_seed(_SEED))[:most].sort().values


def tested_metric(predict: Predict, data: TaskData, rows: torch.Tensor, *, one_by_one: bool) -> dict[str, Any]:
    """Return the task's metric on rows of the test split; an accuracy is in percent."""
    tally = data.tally()
    with torch.inference_mode():
        for outputs, targets in _outputs(predict, data, rows, one_by_one):
            tally.add(outputs, targets)
    return {
        "metric": data.metric.name,
        "test_metric": data.metric.value(tally.error),
        "test_examples": len(rows),
        "num_test_examples": len(data.test),
    }


def _outputs(
    predict: Predict, data: TaskData, rows: torch.Tensor, one_by_one: bool
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for part in torch.split(rows, FLOAT_BATCH):
        inputs, targets = data.test.batch(part)
        batches = torch.split(inputs, 1) if one_by_one else (inputs,)
        yield torch.from_numpy(np.concatenate([predict(batch.numpy()) for batch in batches])), targets
