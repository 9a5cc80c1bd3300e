"""From a data set to a report and an export by the command line, twice: the second time nothing is repeated."""

from __future__ import annotations

import errno
import json
import logging
import os
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
import yaml

from hardware_profiles.onnx.cache import VARIABLE
from runs.export import FORMATS
from search_space import Architecture
from supernet.saving import load_network
from tests.runs.tiny import TINY, nasweave, rows


def test_the_report_and_the_export_are_there(finished):
    run = finished / "outputs" / "digits" / "default"
    assert (run / "report" / "index.html").stat().st_size > 1e6  # plotly is inside
    for picture in ("front", "hypervolume", "predicted_measured", "architectures", "sensitivity"):
        assert (run / "report" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    front = pd.read_csv(run / "report" / "front.csv")
    assert {"key", "mixers", "validation_error", "latency_ms", "latency_predicted_ms"} <= set(front.columns)
    assert front["latency_measured_ms"].notna().any()
    assert front["test_error"].between(0, 100).any()
    assert front["key"].is_unique
    (export,) = (run / "exports").iterdir()
    names = {p.name for p in export.iterdir()}
    assert {"model.safetensors", "config.json", "model.onnx", "model.pt2", "parity.json", "README.md"} <= names
    assert {"manifest.json", "bench.py", "preprocessing.json", "NOTICE"} <= names
    head = yaml.safe_load((export / "README.md").read_text().split("---")[1])
    assert head["license"] == "cc-by-4.0" and head["pipeline_tag"] == "image-classification"
    (metric,) = head["model-index"][0]["results"][0]["metrics"]
    parity = json.loads((export / "parity.json").read_text())
    assert metric["type"] == "accuracy" and metric["value"] == pytest.approx(parity["extracted"]["test_metric"], 1e-4)


def test_every_exported_file_computes_the_same(finished):
    (export,) = (finished / "outputs" / "digits" / "default" / "exports").iterdir()
    parity = json.loads((export / "parity.json").read_text())
    assert set(parity) - {"onnx_fp32"} == {"extracted", "safetensors", "python", "onnx", "pt2"}
    assert all(row["test_examples"] == row["num_test_examples"] == 359 for row in parity.values())
    extracted = parity["extracted"]["test_metric"]
    assert all(row["test_metric"] == pytest.approx(extracted, abs=1) for row in parity.values())
    assert all(row["relative_norm"] < 2e-2 and row["decision_agreement"] > 0.98 for row in parity.values())
    example = np.load(export / "example_input.npy")
    network = load_network(export)
    assert network.architecture.key == export.name
    with torch.inference_mode():
        expected = network(torch.from_numpy(example)).numpy()
    session = onnxruntime.InferenceSession(str(export / "model.onnx"), providers=["CPUExecutionProvider"])
    (actual,) = session.run(None, {session.get_inputs()[0].name: example})
    assert np.linalg.norm(actual - expected) <= 2e-2 * np.linalg.norm(expected)


def test_no_network_is_evaluated_twice_under_two_names(finished):
    found = rows(finished, "select key, architecture_json from nasweave_candidates where state = 'complete'")
    assert len({key for key, _ in found}) == len(found)
    for key, text in found:
        assert Architecture.from_json(text).key == key


def test_the_same_command_repeats_nothing(finished, monkeypatch):
    monkeypatch.chdir(finished)
    tables = [name for (name,) in rows(finished, "select name from sqlite_master where type = 'table'")]
    counts = {t: rows(finished, f"select count(*) from {t}") for t in tables if t.startswith(("nasweave_", "trials"))}
    checkpoint = next(finished.glob("outputs/digits/supernets/*/checkpoint.safetensors"))
    trained = checkpoint.stat().st_mtime_ns
    assert nasweave(monkeypatch, "run", *TINY) == 0
    assert {t: rows(finished, f"select count(*) from {t}") for t in counts} == counts
    assert checkpoint.stat().st_mtime_ns == trained


def test_a_larger_search_continues(finished, monkeypatch):
    monkeypatch.chdir(finished)
    query = "select count(*) from nasweave_candidates where source = 'search'"
    before = rows(finished, query)[0][0]
    assert nasweave(monkeypatch, "search", *TINY, "search.n_trials=19") == 0
    assert rows(finished, query)[0][0] > before


def exports(folder):
    return {p.name: {f.name for f in p.iterdir()} for p in (folder / "outputs/digits/default/exports").iterdir()}


def test_a_format_is_added_to_an_export_and_none_is_lost(finished, monkeypatch):
    monkeypatch.chdir(finished)
    key = rows(finished, "select key from nasweave_candidates where final is null limit 1")[0][0]
    for form in ("safetensors", "onnx"):
        options = (f"key={key}", f"export.formats=[{form}]", "search.n_trials=19")
        assert nasweave(monkeypatch, "export", *TINY, *options) == 0
    assert {"model.safetensors", "model.onnx"} <= exports(finished)[key]
    assert "latency, measured" in (finished / "outputs/digits/default/exports" / key / "README.md").read_text()


def leftovers(folder):
    return [p.name for p in (folder / "outputs/digits/default/exports").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device; mend it and run"),
        (OSError(errno.EROFS, "Read-only file system"), 2, "Read-only file system; mend it and run"),
        (KeyboardInterrupt(), 130, "the same command continues"),
    ],
)
def test_an_export_that_cannot_be_finished_leaves_nothing(finished, monkeypatch, capfd, error, code, words):
    monkeypatch.chdir(finished)
    key = rows(finished, "select key from nasweave_candidates where final is null limit 1")[0][0]
    options = (f"key={key}", "export.formats=[safetensors,pt2]", "search.n_trials=19")

    def fail(*_, **__):
        raise error

    with monkeypatch.context() as patch:
        if getattr(error, "errno", None) == errno.EROFS:
            patch.setattr(tempfile, "mkdtemp", fail)
        else:
            patch.setattr(FORMATS["safetensors"], "write", fail)
        assert nasweave(monkeypatch, "export", *TINY, *options) == code
    assert words in capfd.readouterr().err.strip().splitlines()[-1]
    assert key not in exports(finished) and not leftovers(finished)


def test_a_tampered_export_is_refused_and_written_again_whole(finished, monkeypatch, capfd):
    monkeypatch.chdir(finished)
    key = min(exports(finished))
    folder = finished / "outputs/digits/default/exports" / key
    before = exports(finished)[key]
    (folder / "config.json").write_text((folder / "config.json").read_text().replace("digits", "other") + " ")
    assert nasweave(monkeypatch, "bench", "export", str(folder)) == 2
    assert "hash mismatch" in capfd.readouterr().err.strip().splitlines()[-1]
    options = (f"key={key}", "export.formats=[safetensors]", "search.n_trials=19")
    assert nasweave(monkeypatch, "export", *TINY, *options) == 0
    load_network(folder)
    assert exports(finished)[key] == before  # no format was lost


def test_a_finished_run_exports_the_best_network_within_any_budget(finished, monkeypatch):
    monkeypatch.chdir(finished)
    found = rows(finished, "select key, objectives from nasweave_candidates where state = 'complete'")
    sizes = sorted(json.loads(values)["size_bytes"] for _, values in found)
    limit = sizes[len(sizes) // 2]
    within = [(json.loads(v)["validation_error"], key) for key, v in found if json.loads(v)["size_bytes"] <= limit]
    before = set(exports(finished))
    options = (f"budget.size_bytes={limit}", "export.formats=[safetensors]", "search.n_trials=19")
    assert nasweave(monkeypatch, "export", *TINY, *options) == 0
    best = {key for error, key in within if error == min(within)[0]}
    assert best & set(exports(finished))
    assert len(set(exports(finished)) - before) <= 1


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["key=nonsense"], "key: expected auto, knee, best, fastest"),
        (["space.depth=[1]"], "space.depth: expected [1, 2], with which the run outputs/digits/default was begun"),
        (["training.steps=41"], "training.steps: expected 40, with which the run outputs/digits/default was"),
        (["hardware.batch_size=2"], "hardware: expected onnxruntime, 1 thread(s), batch 1, with which the run"),
        (["budget.size_bytes=10", "name=b"], "budget.size_bytes: expected a limit that some network"),
        (["budget.latency_ms=1e-7", "name=c"], "budget.latency_ms: expected a limit that some network"),
        (["space.mixer=[softmux]"], "mixer: expected"),
        (["space.precision=[float,w8a8]", "hardware=torch"], "space.precision: expected what torch executes"),
        (["store=sqlite:///outputs/digits"], "store"),
        (["foo=1"], "foo: expected a key of the configuration"),
        (["task=npz", "task.options.path=missing.npz"], "missing.npz"),
        (["profile.path=missing.json"], "missing.json"),
        (["export.formats=[tflite]"], "formats among decode, onnx, onnx_fp32, openvino, pt2, python, safetensors"),
        (["export.formats=[]"], "export.formats: expected at least one format"),
        (["search.sampler=tpee"], "search.sampler: expected one of"),
        (["baselines.random=-1"], "baselines.random: expected 0 or more"),
        (["profile.networks=-3"], "profile.networks: expected 0 or more"),
        (["profile.seed=-1"], "profile.seed: expected 0 or more"),
        (["hardware.threads=0"], "hardware.threads: expected 1 or more"),
        (["finalists=0"], "finalists: expected 1 or more"),
        (["space=null"], "space: expected one of causal_cpu, causal_hybrid,"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(finished, monkeypatch, capfd, overrides, words):
    monkeypatch.chdir(finished)
    record = finished / "outputs/digits/default/.hydra/config.yaml"
    before = record.read_bytes()
    assert nasweave(monkeypatch, "export", *TINY, "search.n_trials=19", *overrides) == 2
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("nasweave: ")
    assert words in last
    assert "was begun" not in last or record.read_bytes() == before, "what a run refuses, it was not asked for"


def test_a_damaged_profile_and_checkpoint_are_refused(finished, monkeypatch, capfd):
    monkeypatch.chdir(finished)
    table = next(finished.glob("outputs/digits/default/profile.*.parquet"))
    checkpoint = next(finished.glob("outputs/digits/supernets/*/checkpoint.safetensors"))
    for file, word in ((table, "profile"), (checkpoint, "checkpoint")):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert nasweave(monkeypatch, "search", *TINY, "search.n_trials=19") == 2
        assert word in capfd.readouterr().err.strip().splitlines()[-1]
        file.write_bytes(whole)


def test_doctor_prints_json(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "doctor", "--json") == 0
    facts = json.loads(capfd.readouterr().out)
    assert "onnxruntime" in facts["runtimes"]
    assert facts["device"]["cores"] >= 1
    assert Path(facts["graphs of blocks"]["folder"]).is_relative_to(os.environ[VARIABLE])
    assert facts["graphs of blocks"]["graphs"] >= 0


def test_the_command_line_leaves_our_loggers_on(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "doctor") == 0
    logging.getLogger("nasweave.runs").warning("heard")
    assert "nasweave: heard" in capfd.readouterr().err
