"""How far each file's outputs are from the supernet's, on real inputs, read back and run one example at a time.

Integer activations have one range per call in the runtimes; at batch 1 that is what the supernet simulates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runs.export.formats import Predict

__all__ = ["compare"]


def compare(predict: Predict, inputs: NDArray[np.float32], expected: NDArray[np.float32]) -> dict[str, Any]:
    """Run ``predict`` on each example and compare with the expected outputs ``(n, outputs)``.

    Returns
    -------
    Largest and mean absolute difference, relative norm of the difference, and the share of equal decisions.
    """
    outputs = np.concatenate([predict(inputs[i : i + 1]) for i in range(len(inputs))])
    difference = np.abs(outputs.astype(np.float64) - expected)
    return {
        "examples": len(inputs),
        "max_abs_difference": float(difference.max()),
        "mean_abs_difference": float(difference.mean()),
        "relative_norm": float(np.linalg.norm(difference) / np.linalg.norm(expected)),
        "decision_agreement": float((outputs.argmax(-1) == expected.argmax(-1)).mean()),
    }
