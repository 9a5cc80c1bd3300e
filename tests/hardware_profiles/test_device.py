"""Devices: a stable identity, readable differences, JSON that is checked."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from hardware_profiles import Device, Setting, device, this_device
from search_space.errors import ConfigError, ProfileError, RuntimeUnavailableError

DEVICE = Device(
    name="amd_epyc_2c",
    cpu_model="AMD EPYC",
    cores=2,
    isa=("avx2", "avx512_vnni"),
    memory_bytes=8 * 2**30,
    os="linux",
    machine="x86_64",
)


def test_this_device_is_the_same_in_another_process():
    code = "from hardware_profiles import this_device; print(this_device().fingerprint)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    mine = this_device()
    assert mine.fingerprint == other
    assert re.fullmatch("[0-9a-f]{12}", other)
    assert re.fullmatch(r"[a-z0-9_]+_\d+c", mine.name)
    assert mine.cores == os.cpu_count() and mine.memory_bytes % 2**30 == 0


def test_identity_holds_no_host_and_no_clock(monkeypatch):
    cpuinfo = "processor: 0\nmodel name: Intel(R) Xeon(R) CPU @ 2.20GHz\ncpu MHz: {}\nflags: fpu avx2 avx512_vnni\n"
    found = set()
    for clock in ("2199.998", "3100.1"):
        monkeypatch.setattr("pathlib.Path.read_text", lambda self, encoding, c=clock: cpuinfo.format(c))
        monkeypatch.setattr("platform.node", lambda c=clock: f"host-{c}")
        found.add(this_device())
    (one,) = found
    assert one.cpu_model == "Intel(R) Xeon(R) CPU"
    assert one.name == f"intel_xeon_{os.cpu_count()}c"
    assert one.isa == ("avx2", "avx512_vnni")


def test_arm_features_are_translated(monkeypatch):
    monkeypatch.setattr(device, "_cpu_info", lambda: {"Features": "fp asimd asimddp i8mm", "Model": "Board"})
    assert set(this_device().isa) == {"neon", "dotprod", "i8mm"}


def test_json_round_trip():
    assert Device.from_json(DEVICE.to_json()) == DEVICE
    assert Device.from_json(DEVICE.to_json()).fingerprint == DEVICE.fingerprint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({**json.loads(DEVICE.to_json()), "host": "x"}),
        DEVICE.to_json().replace("2,", '"2",', 1),
    ],
)
def test_foreign_json_is_refused(text):
    with pytest.raises(ProfileError, match="device"):
        Device.from_json(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cores": 4}, "cores 2 against 4"),
        ({"isa": ("avx2",)}, "isa avx512_vnni against fewer"),
        ({"accelerator": "H200"}, "accelerator None against H200"),
    ],
)
def test_differences_are_named_and_change_the_fingerprint(change, words):
    other = replace(DEVICE, **change)
    assert DEVICE.difference(other) == words
    assert DEVICE.fingerprint != other.fingerprint


def test_name_is_no_difference():
    other = replace(DEVICE, name="mine")
    assert DEVICE.difference(other) == "" and DEVICE.fingerprint == other.fingerprint


def test_absent_cuda_is_a_clear_error():
    import torch

    if torch.cuda.is_available():
        assert this_device(cuda=True).accelerator == torch.cuda.get_device_name(0)
    else:
        with pytest.raises(RuntimeUnavailableError, match="CUDA"):
            this_device(cuda=True)


@pytest.mark.parametrize(
    "wrong",
    [{"threads": 0}, {"batch_size": -1}, {"threads": 1.5}, {"batch_size": True}, {"tokens": -1}, {"phase": "both"}],
)
def test_setting_is_checked(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Setting(runtime="torch", **wrong)


def test_import_needs_no_torch():
    code = "import sys, hardware_profiles; assert not {'torch', 'onnx', 'onnxruntime', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
