"""``torch.export``: a program that PyTorch loads without nasweave, of any batch size."""

from __future__ import annotations

import io
from copy import copy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hardware_profiles.portable.pt2_archive import load_program
from runs.export.formats import ExportFormat, Predict, Served, Subject


class Pt2Format(ExportFormat):
    """``model.pt2``, which holds no pickle; integer precisions are simulated."""

    files = ("model.pt2",)
    integer_kernels = False

    def write(self, subject: Subject, folder: Path) -> None:
        """Save the exported program."""
        # Through memory, for PyTorch's own writer turns a full disk into a RuntimeError.
        buffer, program = io.BytesIO(), copy(subject.program)
        program.example_inputs = None  # which would be written as a pickle
        torch.export.save(program, buffer)
        (folder / self.files[0]).write_bytes(buffer.getvalue())

    def load(self, folder: Path) -> Predict:
        """Load the program."""
        module = load_program(folder / self.files[0])

        def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return module(torch.from_numpy(batch)).numpy()  # type: ignore[no-any-return]

        return predict

    def served(self, subject: Subject) -> Served:
        """Return PyTorch, which needs nothing else."""
        return Served(file=self.files[0], runtime="torch")


FORMAT = Pt2Format
