"""An exported folder by itself: run with its runtime alone, checked against its hashes, in every format."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.onnx.export import export_onnx
from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.exported_folder import EXAMPLE, SCRIPT, FolderError, fresh_command
from runs.export import FORMATS, ParityReport, Subject, write_manifest
from runs.export.formats import openvino as openvino_format
from runs.files import new_folder
from search_space import Architecture, Layer, SearchSpace
from search_space.errors import CheckpointError, RuntimeUnavailableError
from supernet import Network
from supernet.calibration import calibrate
from supernet.elastic import reset_parameters
from supernet.saving import load_network
from supernet.tasks import TASKS
from tests.runs.tiny import nasweave

ALL = ("onnx", "onnx_fp32", "openvino", "pt2", "python", "safetensors")


def subject_of(space: SearchSpace, precision: str) -> Subject:
    layer = Layer(
        mixer="softmax",
        num_heads=2,
        channel_mixer="mlp",
        ratio=2.0,
        mixer_precision="float",
        channel_precision=precision,
    )
    architecture = Architecture(embed_dim=32, layers=(layer,))
    networks = [Network(architecture, space.geometry, simulate_precision=simulate) for simulate in (True, False)]
    reset_parameters(networks[0], torch.Generator().manual_seed(0))
    data = TASKS["digits"].load()
    networks[1].load_state_dict(calibrate(networks[0], data).state_dict())
    example = data.validation.inputs[:1]
    return Subject(simulated=networks[0].eval(), in_float=networks[1].eval(), example=example)


@pytest.fixture(scope="module")
def subject(space):
    return subject_of(space, "w8a8")


@pytest.fixture(scope="module")
def written(subject, tmp_path_factory):
    """Return a folder with every format of a w8a8 network, and what parity.json would say of it."""
    folder = tmp_path_factory.mktemp("export") / "k"
    folder.mkdir()
    forms = {name: FORMATS[name]() for name in ALL}
    parity_report = ParityReport(subject, TASKS["digits"].load(), right=subject.simulated, source="the network")
    for name, form in forms.items():
        form.write(subject, folder)
        parity_report.add(name, form, folder)
    np.save(folder / EXAMPLE, subject.example.numpy())
    write_manifest(folder, name="k", formats=forms, subject=subject)
    parity_report.test()
    parity_report.measure({"onnx": forms["onnx"]}, folder, threads=1)
    return folder, parity_report.rows


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written[0], tmp_path / "k"))


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


def run_script(folder: Path, arguments: list[str], *, path: list[str]) -> subprocess.CompletedProcess[str]:
    command = fresh_command(folder / SCRIPT, arguments, path=path)
    return subprocess.run(command, capture_output=True, text=True, cwd=folder.parent)


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


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "model.onnx", "model.bin", "example_input.npy"])
def test_a_tampered_file_is_a_hash_mismatch(folder, monkeypatch, capfd, name):
    append(folder / name)
    assert nasweave(monkeypatch, "bench", "export", str(folder)) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert f"{name}: expected the file as exported, got hash mismatch" in line
    if name in ("model.safetensors", "config.json"):
        with pytest.raises(CheckpointError, match="hash mismatch"):
            load_network(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: (f / "model.onnx").unlink(), "got No such file"),
        (lambda f: (f / "manifest.json").unlink(), "expected the manifest of an exported folder"),
        (lambda f: (f / "manifest.json").write_text("{"), "expected the manifest of an exported folder"),
        (lambda f: (f / "manifest.json").write_text('{"format": "x", "schema": 1, "files": {}, "models": {}}'), "'x'"),
        (lambda f: edit(f, schema=2), "expected schema 1, got schema 2"),
        (lambda f: edit(f, models={}), "runtime that is installed"),
        (lambda f: edit(f, files=[]), "of another form"),
        (lambda f: edit(f, models={"model.onnx": None}), "of another form"),
        (lambda f: edit(f, models={"model.onnx": ["x"]}), "of another form"),
        (lambda f: edit(f, name=7), "of another form"),
        (lambda f: edit_file(f, "model.onnx", None), "no size and hash of model.onnx"),
        (lambda f: edit_file(f, "model.onnx", {"bytes": -1, "sha256": "0" * 64}), "no size and hash of model.onnx"),
        (lambda f: edit_file(f, "model.onnx", {"bytes": 1, "sha256": ["0" * 64]}), "no size and hash of model.onnx"),
        (lambda f: (f / "manifest.json").write_text('{"files":' + "[" * 100_000), "expected the manifest"),
        (lambda f: edit_model(f, settings={"CACHE_DIR": "/tmp/x"}), "unknown settings"),
        (lambda f: edit_model(f, settings={"NUM_STREAMS": ["x"]}), "unknown settings"),
        (lambda f: edit_model(f, runtime="os; x"), "of another form"),
        (lambda f: edit_model(f, files=["model.xml"]), "none of its own files"),
    ],
)
def test_a_folder_that_is_none_is_one_line(folder, monkeypatch, capfd, change, words):
    change(folder)
    assert nasweave(monkeypatch, "bench", "export", str(folder)) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert words in line


def edit(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))


def edit_file(folder: Path, name: str, entry: object) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    edit(folder, files={**files, name: entry})


def edit_model(folder: Path, *, name: str = "model.onnx", **changes: object) -> None:
    models = json.loads((folder / "manifest.json").read_text())["models"]
    edit(folder, models={**models, name: {**models["model.onnx"], **changes}})


def unlist(folder: Path, name: str) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    edit(folder, files={n: entry for n, entry in files.items() if n != name})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: edit_model(f, name="other.onnx", files=["other.onnx"]), "other.onnx', which has no hash"),
        (lambda f: edit_model(f, files=["model.onnx", "other.bin"]), "other.bin', which has no hash"),
        (lambda f: unlist(f, "model.onnx"), "model.onnx', which has no hash"),
        (lambda f: unlist(f, "model.bin"), "model.bin', which has no hash"),
        (lambda f: unlist(f, "example_input.npy"), "example_input.npy', which has no hash"),
        *(
            (lambda f, name=name: edit_file(f, name, {"bytes": 1, "sha256": "0" * 64}), "none inside the folder")
            for name in ("../other.onnx", "/other.onnx", "a/../../b", "./model.onnx", "a//b", "C:x", "a\\b", "a\0b", "")
        ),
        (lambda f: linked(f, "model.onnx"), "a link to a place outside"),
        (lambda f: linked(f, "model.bin"), "a link to a place outside"),
        (lambda f: (f / "model.onnx").unlink() or os.mkfifo(f / "model.onnx"), "something that is no file"),
    ],
)
def test_a_model_without_a_hash_or_outside_is_not_opened(folder, monkeypatch, capfd, change, words):
    change(folder)
    assert nasweave(monkeypatch, "bench", "export", str(folder)) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert words in line


def linked(folder: Path, name: str) -> None:
    target = (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(target)


def test_the_program_of_pytorch_holds_no_pickle(folder):
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        contents = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert contents["data/sample_inputs/model.pt"] == b""
    assert b'"use_pickle": true' not in contents["data/weights/model_weights_config.json"]
    for name, content in contents.items():
        assert name.startswith("data/weights/weight_") or b"\x80\x02" not in content, name


def test_a_pickle_in_a_program_is_not_run_by_bench(folder, tmp_path):
    path, touched = folder / "model.pt2", tmp_path / "touched"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            examples = f"cpathlib\nPosixPath.touch\n(cpathlib\nPosixPath\n(V{touched}\ntRtR.".encode()
            archive.writestr(name, examples if name.endswith("sample_inputs/model.pt") else content)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    edit_file(folder, "model.pt2", {"bytes": len(content), "sha256": digest})
    run = run_script(folder, ["--model", "model.pt2", "--seconds", "0.01"], path=sys.path)
    (line,) = run.stderr.strip().splitlines()
    assert run.returncode == 2 and "a pickle of other things than tensors" in line
    with pytest.raises(FolderError, match="a pickle"):
        FORMATS["pt2"]().load(folder)
    assert not touched.exists()


def test_a_newer_schema_is_not_loaded(folder):
    (folder / "manifest.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "schema": config["schema"] + 1}))
    with pytest.raises(CheckpointError, match=r"schema 1, got nasweave\.network 2"):
        load_network(folder)


@pytest.mark.parametrize("arguments", [("bench", "export"), ("bench", "export", "a", "b"), ("bench", "weather")])
def test_what_bench_does_not_know_is_one_line(arguments, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, *arguments) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1


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


def test_a_full_disk_leaves_no_half_folder(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with new_folder(tmp_path / "k") as new:
            (new / "a").write_bytes(b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError), new_folder(tmp_path / "k") as new:
            (new / "a").write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [p.name for p in tmp_path.iterdir()] == ["k"] and (tmp_path / "k" / "a").read_bytes() == b"old"


def test_what_a_killed_export_left_is_removed(tmp_path):
    (tmp_path / ".k.left").mkdir()
    (tmp_path / ".k.left" / "model.onnx").write_bytes(b"half")
    with new_folder(tmp_path / "k"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["k"]


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path, monkeypatch):
    with new_folder(tmp_path / "k") as new:
        (new / "a").write_bytes(b"old")
    rename = os.replace

    def fail(source, target):
        if Path(target) == tmp_path / "k" and not str(source).endswith(".old"):
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError), new_folder(tmp_path / "k") as new:
        (new / "a").write_bytes(b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["k"] and (tmp_path / "k" / "a").read_bytes() == b"old"
