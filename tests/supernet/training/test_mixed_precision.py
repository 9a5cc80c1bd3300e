import logging
from dataclasses import replace

import pytest
import torch

from hardware_profiles import this_device
from supernet.training import mixed_precision
from supernet.training.mixed_precision import autocast

CPU = torch.device("cpu")


@pytest.mark.parametrize(("isa", "dtype"), [(("avx2",), torch.float32), (("avx2", "amx_bf16"), torch.bfloat16)])
def test_a_processor_without_instructions_computes_in_float32_and_says_so_once(monkeypatch, caplog, isa, dtype):
    monkeypatch.setattr(mixed_precision, "this_device", lambda: replace(this_device(), isa=isa))
    mixed_precision._helps.cache_clear()
    linear, x = torch.nn.Linear(4, 4), torch.ones(1, 4)
    with caplog.at_level(logging.WARNING, "nasweave.supernet"):
        for _ in range(2):
            with autocast(CPU, bf16=True):
                assert linear(x).dtype == dtype
    mixed_precision._helps.cache_clear()
    warnings = ["bf16: this processor has no instructions for bfloat16, so it computes in float32"]
    assert caplog.messages == (warnings if dtype == torch.float32 else [])


def test_nothing_is_said_where_it_is_off(monkeypatch, caplog):
    monkeypatch.setattr(mixed_precision, "_helps", lambda _: pytest.fail("asked"))
    with autocast(CPU, bf16=False):
        assert torch.nn.Linear(4, 4)(torch.ones(1, 4)).dtype == torch.float32
