"""``torch.export``: a program that PyTorch loads without nasweave, of any batch size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from runs.export.formats import ExportFormat, Predict, Served, Subject


class Pt2Format(ExportFormat):
    """``model.pt2``; integer precisions are simulated."""

    files = ("model.pt2",)
    integer_kernels = False

    def write(self, subject: Subject, folder: Path) -> None:
        """Save the exported program."""
        # Through memory, for PyTorch's own writer turns a full disk into a RuntimeError.
        buffer = io.BytesIO()
        torch.export.save(subject.program, buffer)
        (folder / self.files[0]).write_bytes(buffer.getvalue())

    def load(self, folder: Path) -> Predict:
        """Load the program."""
        module = torch.export.load(folder / self.files[0]).module()

        def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return module(torch.from_numpy(batch)).numpy()  # type: ignore[no-any-return]

        return predict

    def served(self, subject: Subject) -> Served:
        """Return PyTorch, which needs nothing else."""
        return Served(file=self.files[0], runtime="torch")


FORMAT = Pt2Format
