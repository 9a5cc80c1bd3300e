"""Peak memory of a fresh process: what is known to be needed is seen."""

from pathlib import Path

import pytest
import torch
from torch import nn

from hardware_profiles import RUNTIMES
from hardware_profiles.measuring.memory import peak_memory_bytes

MEBIBYTE = 2**20


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_the_weights_and_the_widest_activation_are_seen():
    """8 MiB of weights, and two tensors of 16 MiB at the same time."""

    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.down = nn.Linear(64, 32768, bias=False), nn.Linear(32768, 4, bias=False)

        def forward(self, x):
            return self.down(torch.tanh(self.up(x)))

    example = torch.zeros(1, 128, 64)
    executable = RUNTIMES["onnxruntime"].compile(Wide().eval(), example, policy={}, threads=1)
    got = peak_memory_bytes(executable, example.numpy(), runtime="onnxruntime", threads=1, float_precision="fp32")
    assert 24 * MEBIBYTE < got < 120 * MEBIBYTE


def test_other_runtimes_say_nothing():
    assert peak_memory_bytes(None, None, runtime="torch", threads=1, float_precision="fp32") is None
