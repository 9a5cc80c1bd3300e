"""A bundle is measured by a process that has numpy and the runtime alone, and its results come back as a profile."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from hardware_profiles import Built, ProfilerConfig, Setting, this_device
from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.bundle import write_bundle
from hardware_profiles.portable.bundle_results import SESSION, read_results
from hardware_profiles.portable.bundle_runner import measure_bundle
from hardware_profiles.runtime import RUNTIMES
from search_space import Architecture, Block, Layer
from search_space.errors import ConfigError, ProfileError, RuntimeUnavailableError

LAYER = Layer(mixer="softmax", num_heads=2, channel_mixer="mlp", ratio=2.0)
BLOCKS = [
    Block(kind="mixer", key="softmax", embed_dim=width, num_heads=2, precision=precision)
    for width in (8, 16)
    for precision in ("float", "w8a8")
]
NETWORKS = [Architecture(embed_dim=8, layers=(LAYER,) * n) for n in (1, 2)]
OPEN = RUNTIMES["onnxruntime"].open_model
SUBJECTS = [*BLOCKS, *NETWORKS]
CONFIG = ProfilerConfig(max_seconds=0.002, sample_s=0.0002, warmup_s=0.0005, reference_seconds=0.002, min_repeats=6)


class Two(nn.Module):
    """Two linear layers."""

    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


def build(subject):
    with torch.random.fork_rng():
        torch.manual_seed(subject.embed_dim)
        module = Two(subject.embed_dim).eval()
    precision = getattr(subject, "precision", "float")
    example = torch.full((1, 4, subject.embed_dim), 0.5)
    return Built(module=module, example=example, policy={"a": precision} if precision != "float" else {})


def write(folder, setting=Setting(runtime="onnxruntime"), subjects=SUBJECTS):  # noqa: B008
    return write_bundle(
        folder,
        subjects,
        setting=setting,
        space_fingerprint="0123456789ab",
        build=build,
        config=CONFIG,
        describe=lambda s: (s.embed_dim,),
        provenance={"task": "test"},
        progress=lambda *_: None,
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "bundle"
    return folder, write(folder)


@pytest.fixture
def bundle(exported, tmp_path):
    return Path(shutil.copytree(exported[0], tmp_path / "bundle"))


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


def test_an_interrupted_measurement_continues(bundle, tmp_path):
    results = tmp_path / "r.jsonl"

    class Stop(Exception):
        pass

    def say(line):
        if line.startswith("2/"):
            raise Stop

    with pytest.raises(Stop):
        measure_bundle(bundle, results, open_model=OPEN, time_budget_s=None, say=say)
    before = results.read_text()
    assert len(before.splitlines()) == 3
    with results.open("a") as file:
        file.write('{"name": "cut by a cra')
    assert measure_bundle(bundle, results, open_model=OPEN, time_budget_s=None, say=lambda line: None) == 6
    assert results.read_text().startswith(before)
    profile = read_results(results)
    assert [m.order for m in profile.measurements] == list(range(6))
    assert len({round(m.baseline_ms, 9) for m in profile.measurements}) == 1


def test_a_time_budget_ends_early(bundle, tmp_path):
    class Clock:
        now = 0.0

        def __call__(self):
            self.now += 0.0005
            return self.now

    results = tmp_path / "r.jsonl"
    count = measure_bundle(
        bundle,
        results,
        open_model=OPEN,
        time_budget_s=0.15,
        say=lambda line: None,
        clock=Clock(),
    )
    assert 1 <= count < 6
    assert len(results.read_text().splitlines()) == 1 + count


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


def test_results_of_another_device_or_bundle_are_not_continued(bundle, tmp_path):
    results = tmp_path / "r.jsonl"
    measure_bundle(bundle, results, open_model=OPEN, time_budget_s=None, say=lambda line: None)
    head, *rows = results.read_text().splitlines()
    for what, wrong in (
        ("bundle", json.loads(head) | {"bundle": "another"}),
        ("runtime version", json.loads(head) | {"runtime_version": "0.1+g1"}),
        ("cores", json.loads(head) | {"device": json.loads(head)["device"] | {"cores": 99}}),
    ):
        results.write_text("\n".join([json.dumps(wrong), *rows]) + "\n")
        with pytest.raises(ProfileError, match=what):
            measure_bundle(
                bundle,
                results,
                open_model=OPEN,
                time_budget_s=None,
                say=lambda line: None,
            )


ESCAPES = ("x/../../../A", "/tmp/A", "..", "a\\b", "a\0b", "", "a\nb", ["a"], "x" * 200)


def named(name):
    def change(rows, text):
        rows[0]["device"]["name"] = text

    return change if name == "device.name" else lambda rows, text: rows[0].update({name: text})


def edit(position, **changes):
    def change(rows):
        rows[position].update(changes)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edit(0, unit="us"), "times in 'us'"),
        (edit(0, format="other"), "another kind"),
        (edit(0, schema=2), "schema 2"),
        (edit(1, latency_ms=-1.0), "latency_ms"),
        (edit(2, raw_ms=0.0), "raw_ms"),
        (edit(3, subject="{}"), "subject"),
        (edit(2, drift=2.5), "references differ"),
        (lambda rows: rows.append(dict(rows[1])), "two lines"),
        (lambda rows: rows.__delitem__(slice(1, None)), "no measurements"),
        (lambda rows: rows[0].pop("device"), "device"),
        (lambda rows: rows.clear(), "another kind"),
        *(
            (lambda rows, name=name, text=text: named(name)(rows, text), "expected")
            for name in ("session", "bundle", "runtime_version", "space_fingerprint", "device.name")
            for text in ESCAPES
        ),
        *((lambda rows, t=text: rows[0]["setting"].update(runtime=t), "expected") for text in ESCAPES),
    ],
)
def test_results_of_no_sense_are_refused_in_one_line(bundle, exported, tmp_path, change, words):
    results = tmp_path / "r.jsonl"
    head = {
        "format": "nasweave.bundle_results",
        "schema": 1,
        "bundle": exported[1],
        "session": "0" * 16,
        "unit": "ms",
        "device": json.loads(this_device().to_json()),
        "setting": {"runtime": "onnxruntime", "threads": 1, "batch_size": 1},
        "runtime_version": "1.0+g1",
        "space_fingerprint": "x",
        "confidence": 0.95,
        "baseline_ms": 0.1,
        "created_at": "2026-11-22T10:00:00+00:00",
        "provenance": {},
    }
    reading = {"latency_ms": 1.0, "raw_ms": 1.0, "spread": 0.01, "repeats": 9, "drift": 1.0, "reference_ms": 0.1}
    models = json.loads((bundle / "bundle.json").read_text())["models"]
    rows = [head]
    for i, entry in enumerate(models[:4]):
        stamp = {"order": i, "measured_at": "2026-11-22T10:00:00+00:00"}
        rows.append({"name": entry["name"], "subject": entry["subject"], **reading, **stamp})
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(read_results(results).measurements) == 4
    change(rows)
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ProfileError, match=words) as error:
        read_results(results)
    assert "\n" not in str(error.value)


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
