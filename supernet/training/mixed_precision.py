"""bfloat16 under autocast where the device has instructions for it; elsewhere float32, and one warning says why."""

from __future__ import annotations

import logging
from functools import cache

import torch

from hardware_profiles import this_device

__all__ = ["autocast", "bf16_problem"]

_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
logger = logging.getLogger("nasweave.supernet")


def autocast(device: torch.device, *, bf16: bool) -> torch.autocast:
    """Return the context in which a model computes on a device."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16 and _helps(device.type))


def bf16_problem(device_type: str) -> str | None:
    """Return why bfloat16 would only be slower on ``cpu`` or ``cuda``, or ``None``."""
    if device_type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return None if native else "this GPU has no instructions for bfloat16"
    return None if _CPU_FLAGS & set(this_device().isa) else "this processor has no instructions for bfloat16"


@cache
def _helps(device_type: str) -> bool:
    problem = bf16_problem(device_type)
    if problem is not None:
        logger.warning("bf16: %s, so it computes in float32", problem)
    return problem is None
