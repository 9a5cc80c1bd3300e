"""What ``parity.json`` says of the files of one export: outputs, metric on the test split, latency, size, memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from runs.export.formats import ExportFormat, Predict, Subject
from runs.export.fresh import decode_fresh, measure_fresh
from runs.export.parity import FLOAT_BATCH, compare, tested_metric, tested_rows
from supernet.tasks import TaskData

__all__ = ["ParityReport"]

_EXAMPLES = 256
_TIMED = ("latency_ms", "peak_memory_bytes", "decode_ms", "tokens_per_s", "cache_bytes")
_FEWEST_TESTED = 64
_TEST_SECONDS = 10.0  # for the test metric of all files together; slower networks are tested on fewer examples
_TIMED_SECONDS = 0.5  # of one model in its own process


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    predict: Predict
    one_by_one: bool
    row: dict[str, Any]


class ParityReport:
    """Collects the rows of ``parity.json``, by name of a format or ``extracted``.

    Parameters
    ----------
    subject
        The network.
    data
        Its task; 256 validation examples are compared, the test split gives the metric.
    right, source
        Gives the outputs that are right, and what it is called.
    """

    def __init__(
        self, subject: Subject, data: TaskData, *, right: Callable[[torch.Tensor], torch.Tensor], source: str
    ) -> None:
        self._subject, self._data = subject, data
        self._inputs, _ = data.validation.batch(slice(0, _EXAMPLES))
        self._expected, self._source = self._run(right), source
        self._entries: dict[str, _Entry] = {}

    def _run(
        self, module: Callable[[torch.Tensor], torch.Tensor], *, examples: int | None = None
    ) -> NDArray[np.float64]:
        with torch.inference_mode():
            parts = [module(batch).numpy() for batch in torch.split(self._inputs[:examples], FLOAT_BATCH)]
        return np.concatenate(parts).astype(np.float64)

    def add_extracted(self) -> None:
        """Compare the extracted network, in this process, with the supernet."""
        network = self._subject.simulated

        def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return network(torch.from_numpy(batch)).numpy()  # type: ignore[no-any-return]

        self._add("extracted", predict, self._expected, one_by_one=False)

    def add(self, name: str, form: ExportFormat, folder: Path) -> None:
        """Read a format's files back and compare them: with the network in float where that is what they hold."""
        right = form.right(self._subject)
        expected = self._expected if right is None else self._run(right[0], examples=form.examples)
        one_by_one = form.integer_kernels and bool(self._subject.policy)
        row = self._add(name, form.load(folder), expected, one_by_one=one_by_one)
        row["compared_with"] = self._source if right is None else right[1]
        row["file_bytes"] = sum((folder / file).stat().st_size for file in form.files)

    def _add(self, name: str, predict: Predict, expected: NDArray[np.float64], *, one_by_one: bool) -> dict[str, Any]:
        row = compare(predict, self._inputs[: len(expected)].numpy(), expected, one_by_one=one_by_one)
        self._entries[name] = _Entry(predict=predict, one_by_one=one_by_one, row=row)
        return row

    def test(self) -> None:
        """Compute the metric of every file on the test split, or on one fixed part of it where all would take long."""
        seconds = sum(entry.row.pop("seconds") for entry in self._entries.values())
        rows = tested_rows(self._data.test, most=max(_FEWEST_TESTED, int(_TEST_SECONDS / max(seconds, 1e-9))))
        for entry in self._entries.values():
            entry.row.update(tested_metric(entry.predict, self._data, rows, one_by_one=entry.one_by_one))

    def measure(self, formats: Mapping[str, ExportFormat], folder: Path, *, threads: int) -> None:
        """Time every file in a process of its own; the manifest is written by then."""
        served = {name: form.served(self._subject) for name, form in formats.items()}
        models = {name: model for name, model in served.items() if model is not None}
        found = measure_fresh(folder, list(models.values()), threads=threads, seconds=_TIMED_SECONDS)
        for name, figures in zip(models, found, strict=True):
            self._entries[name].row.update(figures)
        for name, form in formats.items():
            if form.steps:
                figures = decode_fresh(folder / form.files[0], threads=threads, seconds=_TIMED_SECONDS)
                self._entries[name].row.update(figures)

    def measured(self, formats: Mapping[str, ExportFormat]) -> dict[str, dict[str, float]]:
        """Return what was timed of each file, by its name: what the manifest says."""
        found = {
            form.files[0]: {key: float(row[key]) for key in _TIMED if row.get(key) is not None}
            for name, form in formats.items()
            if (row := self._entries[name].row)
        }
        return {file: values for file, values in found.items() if values}

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """What was found, by name."""
        return {name: entry.row for name, entry in self._entries.items()}
