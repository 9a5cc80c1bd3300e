"""An exported folder by itself: run with its runtime alone, checked against its hashes, in every format."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.onnx.export import export_onnx
from hardware_profiles.portable.bare import only_packages
from runs.export import FORMATS, Subject
from runs.export.formats import openvino as openvino_format
from search_space.errors import RuntimeUnavailableError
from supernet.tasks import TASKS
from tests.runs.export.every_format import ALL, run_script, subject_of
from tests.runs.tiny import nasweave


def test_parity_says_how_every_file_does(written):
    _, rows = written
    assert set(rows) == set(ALL)
    for name, row in rows.items():
        assert row["relative_norm"] < (1e-5 if name in ("onnx_fp32", "pt2", "python", "safetensors") else 2e-2), name
        assert row["decision_agreement"] > 0.95 and row["file_bytes"] > 1000 and "seconds" not in row
        assert row["metric"] == "accuracy" and row["test_examples"] == 359
    assert abs(rows["pt2"]["test_metric"] - rows["onnx"]["test_metric"]) < 2
    assert rows["onnx_fp32"]["compared_with"] == "the network in float"
    assert 0 < rows["onnx"]["latency_ms"] <= rows["onnx"]["latency_p90_ms"] < 100
    # Far below what PyTorch alone takes: it was not there.
    assert 20e6 < rows["onnx"]["runtime_memory_bytes"] < rows["onnx"]["peak_memory_bytes"] < 200e6


def test_the_quantised_file_has_integers_and_the_other_has_none(written):
    operators = [
        {node.op_type for node in onnx.load(written[0] / name).graph.node} for name in ("model.onnx", "model_fp32.onnx")
    ]
    assert "MatMulInteger" in operators[0] and "MatMulInteger" not in operators[1]


@pytest.mark.parametrize("precision", ["w4", "w4a8", "w8a8s", "w8a8_2of4", "w4a8c"])  # w8a8 is in the folder
def test_openvino_computes_what_was_trained_at_every_precision(space, tmp_path, precision):
    openvino = RUNTIMES["openvino"]
    if precision in openvino.precisions - openvino.precisions_on(this_device()):
        pytest.skip("this processor has no VNNI, without which OpenVINO's own integer products are not exact")
    subject, form = subject_of(space, precision), FORMATS["openvino"]()
    form.write(subject, tmp_path)
    inputs = TASKS["digits"].load().validation.inputs[:8]
    with torch.inference_mode():
        expected = subject.simulated(inputs).numpy()
    predict = form.load(tmp_path)
    found = np.concatenate([predict(inputs[i : i + 1].numpy()) for i in range(8)])
    # 8e-3 where OpenVINO quantises the inputs of w4 too.
    assert np.linalg.norm(found - expected) < 2e-3 * np.linalg.norm(expected)
    assert predict(inputs.numpy()).shape == expected.shape  # any batch


def test_bench_export_needs_the_runtimes_alone_and_no_data(folder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASWEAVE_DATA", str(tmp_path / "none"))
    assert nasweave(monkeypatch, "bench", "export", str(folder), "batch=[1,4]", "seconds=0.05", "--json") == 0
    report = json.loads(capfd.readouterr().out)
    assert {row["model"] for row in report["models"]} == {"model.onnx", "model_fp32.onnx", "model.xml"}
    assert {row["runtime"] for row in report["left_out"]} == {"torch", "nasweave"}  # which the process cannot import
    for row in report["models"]:
        assert [timed["batch"] for timed in row["batches"]] == [1, 4]
        assert row["peak_memory_bytes"] > row["runtime_memory_bytes"] > 20e6
        names = ["model.xml", "model.bin"] if row["model"] == "model.xml" else [row["model"]]
        assert row["file_bytes"] == sum((folder / name).stat().st_size for name in names)
        for timed in row["batches"]:
            assert 0 < timed["p50_ms"] <= timed["p90_ms"] <= timed["p99_ms"]
            assert timed["runs"] >= 30
            assert timed["examples_per_s"] == pytest.approx(timed["batch"] / timed["p50_ms"] * 1e3, rel=0.9)
    assert [p.name for p in tmp_path.iterdir()] == ["k"]  # nothing was written


def test_bench_export_shows_a_table(folder, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["models"]["model.xml"], manifest["files"]["model.xml"], manifest["models"]["model_fp32.onnx"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("COLUMNS", "160")
    odd = folder.rename(tmp_path / "seed=1, it's \\ k")
    assert nasweave(monkeypatch, "bench", "export", f"./{odd.name}", "batch=[2]", "seconds=0.02") == 0
    shown = capfd.readouterr().out
    assert "model.onnx" in shown and "p99" in shown and "left out: model.pt2, which needs torch" in shown


def test_the_folders_own_script_names_what_is_missing(folder):
    told = ["--seconds", "0.02", "--batch", "1"]
    with only_packages(("numpy", "onnxruntime")) as packages:
        run = run_script(folder, told, path=[str(packages)])
        assert run.returncode == 0, run.stderr
        assert "model.onnx" in run.stdout and "left out: model.xml, pip install numpy openvino" in run.stdout
        for wrong in (["--batch", "0"], ["--batch", "1,x"], ["--threads", "0"], ["--model", "m"]):
            assert run_script(folder, wrong, path=[str(packages)]).returncode == 2
    with only_packages(("numpy",)) as packages:
        run = run_script(folder, told, path=[str(packages)])
    assert run.returncode == 2 and "pip install numpy" in run.stderr and len(run.stderr.splitlines()) == 1


def test_the_program_of_pytorch_holds_no_pickle(folder):
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        contents = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert contents["data/sample_inputs/model.pt"] == b""
    assert b'"use_pickle": true' not in contents["data/weights/model_weights_config.json"]
    for name, content in contents.items():
        assert name.startswith("data/weights/weight_") or b"\x80\x02" not in content, name


def test_without_openvino_the_extra_is_named(subject, tmp_path, monkeypatch):
    monkeypatch.setattr(openvino_format.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeUnavailableError, match=r"pip install 'nasweave\[openvino\]'"):
        FORMATS["openvino"]().write(subject, tmp_path)


def test_a_node_that_openvino_does_not_know_is_named(subject, tmp_path, monkeypatch):
    model = onnx.load_from_string(subject.onnx())
    last = model.graph.node[-1]
    last.domain, last.op_type, last.name = "com.example", "Unheard", "body.head.project"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    monkeypatch.setattr(Subject, "onnx", lambda self, packed=True: model.SerializeToString())
    with pytest.raises(RuntimeUnavailableError, match=r"Unheard in node 'body\.head\.project'; leave openvino out"):
        FORMATS["openvino"]().write(subject, tmp_path)


def test_a_precision_that_the_runtime_lacks_is_named_with_its_node(subject):
    words = r"precision of body\.channel_blocks\.0.*choose another precision"
    with pytest.raises(RuntimeUnavailableError, match=words):
        subject._prepared.serialize(dict.fromkeys(subject.policy, "w4a8"))


def test_a_model_over_2_gb_is_refused_before_it_is_made():
    large = nn.Linear(2**15, 2**14, device="meta").eval()
    with pytest.raises(RuntimeUnavailableError, match=r"less than 2 GB .*got 2\.00 GB; choose a smaller network"):
        export_onnx(large, torch.empty(1, 2**15, device="meta"))
