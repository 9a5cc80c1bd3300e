"""The commands and programs of docs/deploy.md run, in their order, on an export of a tiny space."""

from __future__ import annotations

import glob
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.exported_folder import fresh_command
from tests.docs.test_search import LESS
from tests.runs.tiny import TINY, nasweave

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
TEXT = PAGE.read_text()
COMMANDS = re.findall(r"<!-- run by CI -->\n```bash\n(.*?)```", TEXT, re.DOTALL)
PROGRAMS = re.findall(r"<!-- run by CI with ([\w ,]+) -->\n```python\n(.*?)```", TEXT, re.DOTALL)
SMALLER = (
    "space.embed_dim=[16]",
    "space.depth=[1]",
    "space.mixer=[softmax,identity]",
    "space.num_heads=[1]",
    "space.precision=[w8a8]",
    "profile.networks=2",
    "training.steps=10",
    "search.n_trials=3",
    "export.measure=true",
)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Return the exported folder after every command of the page."""
    folder = tmp_path_factory.mktemp("deploy")
    lines = [line for block in COMMANDS for line in block.strip().splitlines()]
    assert len(lines) == len(re.findall(r"^(?:nasweave|python) ", TEXT, re.MULTILINE)) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in lines:
            program, *words = [path for word in shlex.split(line) for path in sorted(glob.glob(word)) or [word]]
            words = [re.sub(r"^1$", "0.05", w) if i and words[i - 1] == "--seconds" else w for i, w in enumerate(words)]
            if program == "python":
                done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
                assert done.returncode == 0, done.stderr[-2000:]
                assert "model.onnx" in done.stdout
            elif words[0] == "bench":
                assert nasweave(patch, *words, "bench.seconds=0.05") == 0
            else:
                assert nasweave(patch, words[0], *TINY, *LESS, *SMALLER, *words[1:]) == 0
    (export,) = folder.glob("outputs/digits/deploy/exports/*")
    return export


def test_every_file_of_the_page_is_there_and_measured(deployed):
    for name in ("README.md", "NOTICE", "preprocessing.json", "example_input.npy", "bench.py", "manifest.json"):
        assert f"`{name}`" in TEXT and (deployed / name).exists()
    parity = json.loads((deployed / "parity.json").read_text())
    for name in ("onnx", "openvino", "pt2", "safetensors"):
        row = parity[name]
        assert 0 < row["latency_ms"] <= row["latency_p90_ms"] and row["file_bytes"] > 0
        assert row["peak_memory_bytes"] > row["runtime_memory_bytes"] > 0
        assert 0 <= row["test_metric"] <= 100 and row["test_examples"] > 0
    without_torch = max(parity[name]["peak_memory_bytes"] for name in ("onnx", "openvino"))
    assert without_torch < min(parity[name]["runtime_memory_bytes"] for name in ("pt2", "safetensors"))
    assert "peak memory of the process" in (deployed / "README.md").read_text()


@pytest.mark.parametrize(("packages", "program"), PROGRAMS, ids=[packages for packages, _ in PROGRAMS])
def test_every_program_runs_with_what_it_names(packages, program, deployed, tmp_path, monkeypatch, capsys):
    names = re.findall(r"\w+", packages.replace(" and ", " "))
    monkeypatch.chdir(deployed)
    monkeypatch.syspath_prepend(deployed)
    if "torch" in names:  # this process has it, and it takes seconds to start
        exec(compile(program, "deploy.md", "exec"), {})
        printed = capsys.readouterr().out
    else:
        script = tmp_path / "program.py"
        script.write_text(program)
        with only_packages(names) as only:
            done = subprocess.run(fresh_command(script, [], path=[str(only)]), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        printed = done.stdout
    if "print" in program:
        import torch

        from supernet.saving import load_network

        with torch.inference_mode():
            expected = load_network(deployed)(torch.from_numpy(np.load("example_input.npy"))).argmax(-1)
        assert str(expected.item()) in printed


def test_the_page_has_a_program_for_each_format():
    last = [packages.split()[-1] for packages, _ in PROGRAMS]
    assert last == ["numpy", "onnxruntime", "openvino", "torch", "torch", "nasweave"]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)", TEXT))
def test_links_lead_somewhere(link) -> None:
    assert (PAGE.parent / link).exists(), link
