"""Text and series by the command line, from files on disk to a report in the task's own metric and an export."""

from __future__ import annotations

import json
import re

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from supernet import Network
from supernet.saving import load_network
from tests.runs.tiny import TINY, nasweave, rows
from tests.supernet.tasks.samples import labelled_series, sample, table_rows, write_table, write_ts

SMALL = (
    "hardware=torch",  # the ONNX file is that of the export
    "search.n_trials=4",
    "baselines.random=1",
    "baselines.uniform=1",
    "finalists=1",
    "profile.networks=2",
    "profile.max_seconds=0.01",
    "training.steps=20",
    "training.batch_size=8",
    "space.embed_dim=[8]",
    "space.depth=[1]",
    "space.mixer=[softmax,depthwise_conv]",
    "space.num_heads=[1]",
    "space.precision=[float]",
    "export.formats=[safetensors,onnx]",
)
METRICS = {
    "gutenberg": ("bits per byte", "bits/byte", (1.0, 8.5)),
    "clinc150": ("accuracy", "%", (0.0, 100.0)),
    "csv": ("mean squared error", "", (0.05, 5.0)),
    "labelled_series": ("accuracy", "%", (0.0, 100.0)),
    "table": ("root mean squared error", "", (0.1, 40.0)),
}


@pytest.mark.parametrize("task", METRICS)
def test_a_run_reaches_a_report_and_an_export(task, tmp_path, monkeypatch, capsys):
    metric, unit, (low, high) = METRICS[task]
    options = [f"task.options.{name}={value}" for name, value in sample(task, tmp_path).items()]
    monkeypatch.chdir(tmp_path)
    if task == "labelled_series":
        options = [f"task.options.path={write_ts(tmp_path / 'mine.ts', labelled_series(60, uneven=True))}"]
    if task == "table":
        options = [f"task.options.path={write_table(tmp_path / 'mine.csv', table_rows(120, gaps=True))}"]
        options += ["space.mixer=[softmax]", "task.options.label=age", "task.options.predict=number"]
    if task == "clinc150":
        options += ["space.options={tokens: {table: int8}}", "export.formats=[safetensors,onnx,python,pt2]"]
    small = list(SMALL)
    if task == "gutenberg":  # its phases are measured on a runtime that decodes
        small[0] = "hardware=onnxruntime"
        options += ["search.objectives=[validation_error,decode_ms]", "budget.cache_bytes=100000"]
    command = ("run", *TINY, f"task={task}", *small, f"data_root={tmp_path}", *options)
    assert nasweave(monkeypatch, *command) == 0
    printed = " ".join("".join(capsys.readouterr()).split())
    run = tmp_path / "outputs" / task / "default"
    front = pd.read_csv(run / "report" / "front.csv")
    assert front["validation_error"].between(low, high).all() and front["test_error"].between(low, high).any()
    (export,) = (run / "exports").iterdir()
    card, report = (export / "README.md").read_text(), (run / "report" / "report.md").read_text()
    assert f"test {metric}" in card
    if unit == "%":
        assert "% test error" in printed and "test error" in report
        assert re.search(r"validation_error [0-9.]+ %,", printed)
    else:
        assert f"validation {metric}" in printed and f"alidation {metric}" in report
        assert "accuracy" not in report and "test error, %" not in report
        assert not re.search(r"validation_error [0-9.]+ %,", printed)
    parity = json.loads((export / "parity.json").read_text())
    assert all(row["relative_norm"] < 1e-4 for row in parity.values()), "no sub-block has integers"
    example = np.load(export / "example_input.npy")
    assert example.dtype == (np.float32 if task in ("csv", "labelled_series", "table") else np.int64)
    session = onnxruntime.InferenceSession(str(export / "model.onnx"), providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {session.get_inputs()[0].name: np.concatenate([example] * 3)})
    assert outputs.shape[0] == 3 and np.isfinite(outputs).all()
    assert (export / "vocabulary.json").exists() == (task == "clinc150")
    table = load_network(export).state_dict().get("body.stem.integers")
    assert (table is not None and table.dtype == torch.int8) == (task == "clinc150")
    if task == "gutenberg":
        decodes(load_network(export), torch.from_numpy(example))
        assert front["decode_ms"].gt(0).all() and front["cache_bytes"].between(1, 100_000).all()
        final = json.loads(rows(tmp_path, "select final from nasweave_candidates where final is not null")[0][0])
        assert {"latency_ms", "decode_ms", "decode_spread"} <= final.keys()


def decodes(network: Network, ids: torch.Tensor) -> None:
    """Check that the exported network run token by token is the exported network run at once."""
    with torch.inference_mode():
        expected, states = network(ids), network.initial_state(len(ids))
        for t in range(ids.shape[1]):
            y, states = network.step(ids[:, t : t + 1], states, position=torch.tensor(t))
            torch.testing.assert_close(y, expected[:, t : t + 1], rtol=1e-4, atol=1e-4)


def test_a_space_for_pictures_is_refused_for_text(tmp_path, monkeypatch, capsys):
    options = [f"task.options.{name}={value}" for name, value in sample("gutenberg", tmp_path).items()]
    monkeypatch.chdir(tmp_path)
    command = ("run", "task=gutenberg", "space=vit_mixed", f"data_root={tmp_path}", *options)
    assert nasweave(monkeypatch, *command) == 2
    assert "expected causal blocks, for the task is causal, got window" in " ".join(capsys.readouterr().err.split())
