"""The yardstick of a profile: one small fixed network, measured again and again to see the device itself drift."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.measuring.timing import Clock, ProfilerConfig, measure

if TYPE_CHECKING:
    from hardware_profiles.runtime import Executable, Runtime

__all__ = ["Reference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An executable whose latency ought to be constant."""

    executable: Executable
    example: NDArray[np.float32]

    @classmethod
    def compile(cls, runtime: Runtime, *, threads: int) -> Reference:
        """Compile the fixed network: three feed-forward blocks of width 64 on 32 tokens, of fixed weights."""
        from hardware_profiles.measuring.reference_network import reference_network

        module, example = reference_network()
        executable = runtime.compile(module, example, policy={}, threads=threads)
        return cls(executable=executable, example=example.numpy())

    def read(self, config: ProfilerConfig, clock: Clock) -> float:
        """Return the latency now, in milliseconds."""
        short = replace(config, max_seconds=config.reference_seconds, warmup_s=min(config.warmup_s, 0.002))
        return measure(self.executable, self.example, config=short, clock=clock).latency_ms
