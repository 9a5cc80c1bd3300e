"""What a user does first, whole: CI also runs it with the lowest versions of every library that is declared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from supernet.saving import load_network
from tests.runs.tiny import TINY, begin_from, nasweave

pytestmark = pytest.mark.smoke
ALL_FORMATS = "export.formats=[safetensors,python,onnx,openvino,pt2]"
LESS = ("baselines.random=1", "baselines.uniform=1", "finalists=1", "search.n_trials=8")


def test_a_run_writes_a_report_and_exports_that_compute(tiny_run):
    run = tiny_run / "outputs" / "digits" / "default"
    front = pd.read_csv(run / "report" / "front.csv")
    assert len(front) and front["validation_error"].between(0, 100).all() and (front["latency_ms"] > 0).all()
    assert (run / "report" / "index.html").stat().st_size > 10_000
    (export,) = (run / "exports").iterdir()
    for name in {"model.onnx", "model_fp32.onnx"} & {path.name for path in export.iterdir()}:
        session = onnxruntime.InferenceSession(str(export / name), providers=["CPUExecutionProvider"])
        (outputs,) = session.run(None, {session.get_inputs()[0].name: np.load(export / "example_input.npy")})
        assert outputs.shape == (1, 10) and np.isfinite(outputs).all()
    assert (export / "model.onnx").exists()
    assert load_network(export).architecture.key == export.name


@pytest.mark.parametrize("sampler", ["tpe", "nsga3"])
def test_samplers_of_optuna_search_and_report(sampler, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin_from(tiny_run, tmp_path / "outputs")
    assert nasweave(monkeypatch, "report", *TINY, *LESS, f"search={sampler}", "sensitivity=false") == 0
    candidates = pd.read_csv("outputs/digits/default/report/candidates.csv")
    assert len(candidates) >= 8


def test_every_format_is_exported(tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin_from(tiny_run, tmp_path / "outputs")
    assert nasweave(monkeypatch, "export", *TINY, *LESS, ALL_FORMATS, "key=fastest") == 0
    (export,) = Path("outputs/digits/default/exports").iterdir()
    files = {path.name for path in export.iterdir()}
    assert {"model.onnx", "model.xml", "model.pt2", "model.safetensors", "network.py"} <= files
    assert set(json.loads((export / "parity.json").read_text())) >= {"onnx", "openvino", "pt2", "python", "safetensors"}
