"""A runtime is one file: what a package of a user registers is profiled, bundled, exported and shown."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from torch import nn

from hardware_profiles import RUNTIMES, Built, ProfileOrigin, ProfilerConfig, Setting, measure_profile, this_device
from hardware_profiles.abilities import YES, abilities
from hardware_profiles.measuring.memory import peak_memory_bytes
from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.bundle import write_bundle
from hardware_profiles.portable.bundle_results import read_results
from hardware_profiles.portable.one_file import bench_program, runtime_openers
from hardware_profiles.runtime import open_content
from search_space import Block, registry
from tests.contracts.one_file_runtime import MadeUp

BLOCKS = [Block(kind="mixer", key="softmax", embed_dim=8, num_heads=2, precision=p) for p in ("float", "w8a8")]
QUICK = ProfilerConfig(max_seconds=0.002, sample_s=0.0002, warmup_s=0.0005, reference_seconds=0.002, min_repeats=6)
EXAMPLE = torch.linspace(-1, 1, 32).reshape(1, 4, 8)


@pytest.fixture
def made_up(monkeypatch):
    pytest.importorskip("onnxruntime")
    point = EntryPoint(
        name="made_up", value="tests.contracts.one_file_runtime", group="nasweave.hardware_profiles.runtimes"
    )
    real = registry.entry_points
    monkeypatch.setattr(registry, "entry_points", lambda **kw: [point] if kw == {"group": point.group} else real(**kw))
    vars(RUNTIMES).pop("_sources", None)
    yield RUNTIMES["made_up"]
    vars(RUNTIMES).pop("_sources", None)


def module():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 8)).eval()


def build(subject):
    return Built(
        module=module(), example=EXAMPLE, policy={"0": subject.precision} if subject.precision != "float" else {}
    )


def test_it_is_found_and_what_it_executes_is_found_out(made_up):
    assert isinstance(made_up, MadeUp) and list(RUNTIMES) == sorted(RUNTIMES)
    assert abilities(made_up)["w8a8"] != YES, "its outputs have the other sign, which doctor says"


def test_it_profiles(made_up):
    profile = measure_profile(
        BLOCKS,
        origin=ProfileOrigin(setting=Setting(runtime="made_up"), device=this_device(), space_fingerprint="s"),
        build=build,
        config=QUICK,
    )
    assert {m.subject for m in profile.measurements} == set(BLOCKS)
    assert profile.runtime_version == made_up.version()


def test_its_memory_is_measured_in_a_process_of_its_own(made_up):
    executable = made_up.compile(module(), EXAMPLE, policy={}, threads=1)
    used = peak_memory_bytes(executable, EXAMPLE.numpy(), runtime="made_up", threads=1, float_precision="fp32")
    assert used is None or used > 0


def test_its_bundle_runs_with_numpy_and_its_package_alone(made_up, tmp_path):
    folder = tmp_path / "bundle"
    write_bundle(
        folder,
        BLOCKS,
        setting=Setting(runtime="made_up"),
        space_fingerprint="s",
        build=build,
        config=QUICK,
        describe=lambda subject: (1.0,),
        provenance={},
        progress=lambda *_: None,
    )
    with only_packages(("numpy", made_up.package)) as packages:
        code = f"import sys, runpy; sys.path.append({str(packages)!r}); sys.argv = ['measure.py']; "
        code += f"runpy.run_path({str(folder / 'measure.py')!r}, run_name='__main__')"
        run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert {m.subject for m in read_results(folder / "results.jsonl").measurements} == set(BLOCKS)


def test_exported_programs_carry_how_its_files_open(made_up, tmp_path):
    text = bench_program(runtime_openers())
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert {"open_made_up", "open_onnxruntime", "open_openvino", "open_program"} <= names
    assert "hardware_profiles." not in text and "supernet" not in text
    script = tmp_path / "opens.py"
    model = tmp_path / "model.onnx"
    made_up.compile(module(), EXAMPLE, policy={}, threads=1).save(model)
    script.write_text(
        text.rpartition("if __name__")[0]
        + (
            f"predict = OPENERS['made_up'].open_model({str(model)!r}, {{'sign': -1}}, 1)\n"
            f"print(json.dumps(predict(np.full((1, 4, 8), 0.5, np.float32)).tolist()))\n"
        )
    )
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    with torch.no_grad():
        expected = -module()(torch.full((1, 4, 8), 0.5)).numpy()
    np.testing.assert_allclose(np.array(json.loads(run.stdout)), expected, atol=1e-5)


def test_two_functions_of_one_name_are_not_joined(made_up):
    openers = runtime_openers()
    with pytest.raises(ValueError, match=r"^main: given by two"):
        bench_program({**openers, "other": replace(openers["made_up"], open_model=main)})


def main(model, settings, threads):
    """Would take the place of the program's own."""


def test_a_file_opens_as_the_profiler_opens_it(made_up):
    prepared = made_up.prepare(module(), EXAMPLE)
    content = prepared.serialize({})
    found = open_content(made_up, content, threads=1).run(EXAMPLE.numpy())
    np.testing.assert_array_equal(found, prepared.compile(policy={}, threads=1).run(EXAMPLE.numpy()))
