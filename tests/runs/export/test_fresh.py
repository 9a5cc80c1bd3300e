"""Files of an export in processes of their own, which get ready side by side."""

from __future__ import annotations

import logging

from runs.export.formats import Served
from runs.export.fresh import measure_fresh


def test_a_file_that_cannot_be_opened_costs_its_own_figures_alone(folder, caplog):
    models = [Served(file="model.onnx", runtime="onnxruntime"), Served(file="gone.onnx", runtime="onnxruntime")]
    with caplog.at_level(logging.WARNING):
        found, failed = measure_fresh(folder, models, threads=1, seconds=0.02)
    assert 0 < found["latency_ms"] <= found["latency_p90_ms"]
    assert found["peak_memory_bytes"] > found["runtime_memory_bytes"] > 0
    assert failed == {"runtime": "onnxruntime", "threads": 1}
    assert "gone.onnx cannot be timed in a process of its own" in caplog.text


def test_where_no_process_can_be_started_the_export_stays_without_figures(folder, caplog, monkeypatch):
    def refused(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("runs.export.fresh.subprocess.Popen", refused)
    with caplog.at_level(logging.WARNING):
        rows = measure_fresh(folder, [Served(file="model.onnx", runtime="onnxruntime")], threads=1, seconds=0.02)
    assert rows == [{"runtime": "onnxruntime", "threads": 1}] and "temporarily unavailable" in caplog.text
