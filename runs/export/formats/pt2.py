"""``torch.export``: a program that PyTorch loads without nasweave, of any batch size."""

from __future__ import annotations

import io
import json
import zipfile
from copy import copy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hardware_profiles.portable.pt2_archive import GRAPH, load_program
from hardware_profiles.portable.pt2_graph import Refused, checked_graph
from runs.export.formats import ExportFormat, Predict, Served, Subject
from search_space.errors import RuntimeUnavailableError


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
        _check_graph(buffer)
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


def _check_graph(archive: io.BytesIO) -> None:
    """Raise ``RuntimeUnavailableError`` for a program that would be refused where it is opened."""
    with zipfile.ZipFile(archive) as members:
        (name,) = (n for n in members.namelist() if n.partition("/")[2] == GRAPH)
        graph = json.loads(members.read(name))
    try:
        checked_graph(graph)
    except Refused as error:
        raise RuntimeUnavailableError(
            "export.formats",
            expected="operators that a program from elsewhere may hold, for pt2",
            got=str(error),
            remedy="leave pt2 out, or add an operator that computes tensors alone to PROGRAM_OPERATORS in "
            "hardware_profiles/portable/pt2_graph.py",
        ) from error


FORMAT = Pt2Format
