"""A bundle is measured by a process that has numpy and the runtime alone, and its results come back as a profile."""

import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from hardware_profiles import Setting, this_device
from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.bundle import write_bundle
from hardware_profiles.portable.bundle_results import SESSION, read_results
from hardware_profiles.runtime import RUNTIMES
from search_space import Architecture
from search_space.errors import ConfigError, RuntimeUnavailableError
from tests.hardware_profiles.bundles import BLOCKS, CONFIG, NETWORKS, SUBJECTS, build, write


@pytest.fixture(scope="module")
def bare():
    """Return a folder with nothing but numpy and ONNX Runtime, as links."""
    with only_packages(("numpy", "onnxruntime")) as folder:
        yield folder


def on_the_device(bare, bundle, *arguments):
    """Run the bundle's script without site-packages, environment or the current folder on the path."""
    start = (
        f"import sys, runpy; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(bare)!r}]; "
        f"sys.argv = ['measure.py', *{list(arguments)!r}]; runpy.run_path({str(bundle / 'measure.py')!r}, "
        "run_name='__main__')"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [sys.executable, "-I", "-S", "-c", start]
    return subprocess.run(command, capture_output=True, text=True, cwd=bundle.parent, env=environment, timeout=120)


def test_the_bare_process_has_no_torch_and_not_us(bare):
    code = f"import sys; sys.path.append({str(bare)!r}); import numpy, onnxruntime; import {{}}"
    for name in ("torch", "psutil", "search_space", "onnx"):
        run = subprocess.run([sys.executable, "-I", "-S", "-c", code.format(name)], capture_output=True, text=True)
        assert f"No module named '{name}'" in run.stderr


def test_a_bare_process_measures_everything_and_the_profile_is_of_it(bundle, bare):
    run = on_the_device(bare, bundle)
    assert run.returncode == 0, run.stderr
    assert "6/6" in run.stdout and "import=results.jsonl" in run.stdout
    profile = read_results(bundle / "results.jsonl")
    assert {m.subject for m in profile.measurements} == set(SUBJECTS)
    assert profile.device == this_device() and profile.setting == Setting(runtime="onnxruntime")
    assert profile.runtime_version == RUNTIMES["onnxruntime"].version()
    assert profile.space_fingerprint == "0123456789ab" and profile.noise_floor > 0
    assert profile.provenance["task"] == "test" and len(profile.provenance[SESSION]) == 16
    assert all(
        0 < m.latency_ms < 50 and m.latency_ms == pytest.approx(m.raw_ms / m.drift) for m in profile.measurements
    )
    # The same command again finds nothing left to do.
    lines = (bundle / "results.jsonl").read_text()
    assert on_the_device(bare, bundle).returncode == 0
    assert (bundle / "results.jsonl").read_text() == lines


def test_the_models_are_those_of_the_runtime(exported):
    folder, _ = exported
    bundle = json.loads((folder / "bundle.json").read_text())
    for entry in bundle["models"][1::3]:
        subject = next(s for s in SUBJECTS if entry["title"] in (str(s), f"network {getattr(s, 'key', '')}"))
        session = onnxruntime.InferenceSession(str(folder / entry["model"]["path"]), providers=["CPUExecutionProvider"])
        example = np.load(folder / entry["input"]["path"])
        (got,) = session.run(None, {session.get_inputs()[0].name: example})
        built = build(subject)
        executable = RUNTIMES["onnxruntime"].compile(built.module, built.example, policy=built.policy, threads=1)
        np.testing.assert_array_equal(got, executable.run(built.example.numpy()))
    assert [entry["phase"] for entry in bundle["models"]].count("first") >= 3


def damage(text):
    def change(path):
        path.write_text(path.read_text().replace(*text))

    return change


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("bundle.json", damage(('"nasweave.bundle"', '"other"')), "another kind"),
        ("bundle.json", lambda path: path.unlink(), "bundle.json"),
        ("models", lambda path: next(path.iterdir()).write_bytes(b"x"), "other bytes"),
    ],
)
def test_a_damaged_bundle_is_refused_on_the_device(bundle, bare, file, change, words):
    change(bundle / file)
    if file == "models":
        for model in (bundle / "models").iterdir():
            model.write_bytes(b"x")
    run = on_the_device(bare, bundle)
    assert run.returncode == 2 and words in run.stderr and len(run.stderr.splitlines()) == 1


def test_a_bundle_is_whole_or_not_there(tmp_path, exported):
    folder = tmp_path / "new" / "bundle"

    def broken(subject):
        if isinstance(subject, Architecture):
            raise RuntimeError("no")
        return build(subject)

    with pytest.raises(RuntimeError):
        write_bundle(
            folder,
            [BLOCKS[0], NETWORKS[0]],
            setting=Setting(runtime="onnxruntime"),
            space_fingerprint="x",
            build=broken,
            config=CONFIG,
            describe=lambda s: (1.0,),
            provenance={},
            progress=lambda *_: None,
        )
    assert list(folder.parent.iterdir()) == []
    with pytest.raises(ConfigError, match="does not exist yet"):
        write(exported[0])
    with pytest.raises(RuntimeUnavailableError, match="onnxruntime, openvino"):
        write(tmp_path / "b", setting=Setting(runtime="torch"))
