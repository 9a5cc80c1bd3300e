"""What runs on this machine is found out by running it."""

import numpy as np
import pytest
import torch

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.abilities import YES, abilities
from hardware_profiles.runtime import Runtime
from search_space.errors import RuntimeUnavailableError


def test_onnx_runtime_executes_what_it_claims():
    runtime = RUNTIMES["onnxruntime"]
    assert abilities(runtime) == dict.fromkeys(("fp32", "w8a8", "w8a8_2of4", "w4a8c", "w8", "w4"), YES)


def test_openvino_s_integer_inputs_are_seen_where_the_processor_has_them():
    runtime = RUNTIMES["openvino"]
    if runtime.unavailable() is not None:
        pytest.skip(runtime.unavailable())
    found = abilities(runtime)
    assert set(found) == {"fp32", "bf16", "w8a8s", "w8a8g32", "w4a8"} and found["fp32"] == YES
    if not runtime.warnings(this_device()):
        assert set(found.values()) == {YES}


class Pretender(Runtime):
    """Claims everything and computes in float."""

    name = "pretender"
    precisions = frozenset({"float", "w8a8", "w4"})
    float_precisions = frozenset({"fp32", "bf16"})
    file_suffix = ".none"
    wrong = 0.0

    def prepare(self, module, example):
        self.module = module
        return self

    def compile(self, *, policy, threads, float_precision="fp32"):
        if policy == {"0": "w4"}:
            raise RuntimeUnavailableError("w4", expected="less", got="w4", remedy="no")
        return self

    def run(self, batch):
        with torch.no_grad():
            return self.module(torch.from_numpy(batch)).numpy() * np.float32(1 + self.wrong)


def test_a_pretender_is_seen_through():
    found = abilities(Pretender())
    assert found["fp32"] == YES and found["bf16"] == "computed in fp32"
    assert found["w8a8"] == "computed in float"
    assert found["w4"].startswith("no: w4: expected less")
    wrong = Pretender()
    wrong.wrong = 1.0
    assert abilities(wrong)["fp32"] == "wrong by 100%"
