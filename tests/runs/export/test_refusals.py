"""An exported folder that somebody changed, or that is none: one line, and nothing that a stranger put in is run."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from hardware_profiles.portable.exported_folder import FolderError
from runs.export import FORMATS
from search_space.errors import CheckpointError
from supernet.saving import load_network
from tests.runs.export.every_format import run_script
from tests.runs.tiny import nasweave


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
        (lambda f: edit(f, files=[]), "files: expected at most"),
        (lambda f: edit(f, models={"model.onnx": None}), "models.model.onnx: expected format"),
        (lambda f: edit(f, models={"model.onnx": ["x"]}), "models.model.onnx: expected format"),
        (lambda f: edit(f, name=7), "name: expected a line"),
        (lambda f: edit_file(f, "model.onnx", None), "files.model.onnx: expected bytes, sha256"),
        (
            lambda f: edit_file(f, "model.onnx", {"bytes": -1, "sha256": "0" * 64}),
            "files.model.onnx.bytes: expected an integer",
        ),
        (
            lambda f: edit_file(f, "model.onnx", {"bytes": 1, "sha256": ["0" * 64]}),
            "files.model.onnx.sha256: expected 64 hexadecimal digits",
        ),
        (lambda f: (f / "manifest.json").write_text('{"files":' + "[" * 100_000), "expected the manifest"),
        (lambda f: edit_model(f, settings={"CACHE_DIR": "/tmp/x"}), "unknown settings"),
        (lambda f: edit_model(f, settings={"NUM_STREAMS": ["x"]}), "settings.NUM_STREAMS: expected"),
        (lambda f: edit_model(f, runtime="os; x"), "runtime: expected a name"),
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
            (
                lambda f, name=name: edit_file(f, name, {"bytes": 1, "sha256": "0" * 64}),
                "expected the name of a file inside the folder",
            )
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
    with pytest.raises(CheckpointError, match=r"schema 1, got 'nasweave\.network' 2"):
        load_network(folder)


@pytest.mark.parametrize("arguments", [("bench", "export"), ("bench", "export", "a", "b"), ("bench", "weather")])
def test_what_bench_does_not_know_is_one_line(arguments, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, *arguments) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
