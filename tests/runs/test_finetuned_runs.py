"""Networks of a finished run that are finetuned or calibrated: never worse, and exported as they were tested."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest
import torch

from hardware_profiles import RUNTIMES, this_device
from supernet.saving import load_network
from tests.runs.tiny import TINY, nasweave, rows


def test_a_finetuned_network_is_never_worse_and_exported_with_its_weights(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished)
    run = finished / "outputs/digits/default"
    key = rows(finished, "select key from nasweave_candidates where final is not null limit 1")[0][0]
    options = (f"key={key}", "search.n_trials=19", "export.formats=[safetensors,onnx]")
    assert nasweave(monkeypatch, "export", *TINY, *options) == 0
    inherited = load_network(run / "exports" / key)
    assert nasweave(monkeypatch, "finetune", *TINY, *options, "finetune.steps=60", "finetune.learning_rate=0.003") == 0
    result = json.loads((run / "finetuned" / key / "network" / "finetune.json").read_text())
    assert result["improved"] and result["trained_validation_error"] < result["inherited_validation_error"]
    assert nasweave(monkeypatch, "export", *TINY, *options) == 0
    tuned, trained = load_network(run / "exports" / key), load_network(run / "finetuned" / key / "network")
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in tuned.state_dict().items())
    assert any(not torch.equal(value, inherited.state_dict()[name]) for name, value in tuned.state_dict().items())
    parity = json.loads((run / "exports" / key / "parity.json").read_text())
    assert set(parity) >= {"safetensors", "onnx"} and all(row["relative_norm"] < 2e-2 for row in parity.values())
    assert f"{100 - result['test_error']:.2f} %" in (run / "exports" / key / "README.md").read_text()
    capsys.readouterr()
    assert nasweave(monkeypatch, "finetune", *TINY, *options, "finetune.steps=60", "finetune.learning_rate=0.003") == 0
    assert "finetuned in this way before" in " ".join("".join(capsys.readouterr()).split())


def test_a_search_of_briefly_finetuned_networks_tests_and_exports_what_it_judged(finished, monkeypatch):
    monkeypatch.chdir(finished)
    few = ("name=brief", "search.n_trials=6", "baselines.random=0", "baselines.uniform=0", "finalists=2")
    steps = ("evaluation.finetune_steps=20", "finetune.learning_rate=0.003")
    options = (*few, *steps, "sensitivity=false", "export.formats=[onnx]", "key=best")
    assert nasweave(monkeypatch, "export", *TINY, *options) == 0
    (run_id,) = rows(finished, "select id from nasweave_runs where folder = 'digits/brief'")[0]
    found = rows(finished, f"select key, objectives, final from nasweave_candidates where run_id = {run_id}")
    inherited = dict(rows(finished, f"select key, objectives from nasweave_candidates where run_id <> {run_id}"))
    both = [(values, inherited[key]) for key, values, _ in found if key in inherited]
    losses = [[json.loads(values)["validation_loss"] for values in pair] for pair in both]
    assert len(losses) >= 2 and all(brief < plain for brief, plain in losses)
    (export,) = (finished / "outputs/digits/brief/exports").iterdir()
    (final,) = [json.loads(final) for key, _, final in found if key == export.name]
    parity = json.loads((export / "parity.json").read_text())["onnx"]
    assert parity["compared_with"] == "the finetuned network" and parity["relative_norm"] < 1e-2
    assert parity["test_metric"] == pytest.approx(100 - final["test_error"], abs=0.6)
    assert ", finetuned for 20 steps" in (export / "README.md").read_text()
    before = len(list(finished.glob("outputs/digits/brief/brief/*")))
    assert before >= 2 and nasweave(monkeypatch, "export", *TINY, *options[:-1], "key=fastest") == 0
    assert len(list(finished.glob("outputs/digits/brief/brief/*"))) == before, "what was tested is what is exported"
    for other in ("evaluation.finetune_steps=-1", "evaluation.finetune_steps=21", "evaluation.finetune_steps=0"):
        assert nasweave(monkeypatch, "export", *TINY, *options, other) == 2
    assert nasweave(monkeypatch, "export", *TINY, *options, "finetune.learning_rate=0.001") == 2


def test_a_network_with_calibrated_ranges_is_tested_and_exported_as_openvino_computes_it(tmp_path, monkeypatch):
    if (reason := RUNTIMES["openvino"].unavailable()) is not None:
        pytest.skip(reason)
    if "w8a8s" not in RUNTIMES["openvino"].precisions_on(this_device()):
        pytest.skip("this processor has no VNNI, without which OpenVINO's integer products saturate")
    monkeypatch.chdir(tmp_path)
    short = ("search.n_trials=6", "baselines.random=0", "baselines.uniform=0", "finalists=1", "sensitivity=false")
    options = ("hardware=openvino", "space.precision=[w8a8s]", "space.mixer=[softmax]", "export.formats=[openvino]")
    assert nasweave(monkeypatch, "export", *TINY, *short, *options, "key=fastest") == 0
    (export,) = (tmp_path / "outputs/digits/default/exports").iterdir()
    parity = json.loads((export / "parity.json").read_text())
    assert parity["openvino"]["compared_with"] == "the calibrated network"
    assert parity["openvino"]["relative_norm"] < 1e-2
    with sqlite3.connect(tmp_path / "outputs" / "nasweave.db") as database:
        query = "select final from nasweave_candidates where key = ?"
        ((final,),) = database.execute(query, [export.name]).fetchall()
    # Both read the same ranges, so they make the same decisions on the test split.
    assert 100 - json.loads(final)["test_error"] == pytest.approx(parity["openvino"]["test_metric"], abs=0.6)


def test_successive_halving_finetunes_the_best_of_several_within_the_budget(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished)
    run = finished / "outputs/digits/default"
    found = rows(finished, "select key, objectives from nasweave_candidates where state = 'complete'")
    sizes = {key: json.loads(values)["size_bytes"] for key, values in found}
    limit = sorted(sizes.values())[len(sizes) // 2]
    options = (f"budget.size_bytes={limit}", "finetune.num_configurations=4", "finetune.steps=27")
    assert nasweave(monkeypatch, "finetune", *TINY, *options) == 0
    shown = "".join(capsys.readouterr())
    assert "successive halving: validation accuracy" in shown and "round 2" in shown
    (winner,) = re.findall(r"finetune: (\w{12}), validation", shown)
    ((values,),) = rows(finished, f"select objectives from nasweave_candidates where key = '{winner}'")
    assert json.loads(values)["size_bytes"] <= limit
    assert len(list(run.glob(f"finetuned/{winner}/training-*"))) >= 2  # both rounds; the last one has all steps
    assert nasweave(monkeypatch, "finetune", *TINY, *options) == 0
    assert f"{winner} was finetuned in this way before" in " ".join("".join(capsys.readouterr()).split())
    alone = (f"budget.size_bytes={min(sizes.values())}", "finetune.race=4", "finetune.steps=2")
    assert nasweave(monkeypatch, "finetune", *TINY, *alone) == 0  # one network or few of a size are within it
    assert "finetune.race is called finetune.num_configurations now" in capsys.readouterr().err
    assert nasweave(monkeypatch, "finetune", *TINY, "budget.size_bytes=1", *options[1:]) == 2
    assert nasweave(monkeypatch, "finetune", *TINY, "key=best", *options) == 2
