"""Weights and configuration: what ``supernet.saving.load_network`` rebuilds the network from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from runs.export.formats import ExportFormat, Predict, Served, Subject
from runs.export.program import NASWEAVE
from supernet.saving import CONFIG, WEIGHTS, load_network, save_network


class SafetensorsFormat(ExportFormat):
    """``model.safetensors`` and ``config.json``; weights but an int8 table are float, integer precisions simulated."""

    files = (WEIGHTS, CONFIG)
    integer_kernels = False

    def write(self, subject: Subject, folder: Path) -> None:
        """Write both files."""
        save_network(subject.simulated, folder)

    def load(self, folder: Path) -> Predict:
        """Rebuild the module."""
        network = load_network(folder)

        def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return network(torch.from_numpy(batch)).numpy()  # type: ignore[no-any-return]

        return predict

    def served(self, subject: Subject) -> Served:
        """Return nasweave, whose classes the configuration names."""
        return Served(file=WEIGHTS, runtime=NASWEAVE)


FORMAT = SafetensorsFormat
