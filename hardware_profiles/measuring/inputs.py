"""What a profile is measured from: modules of its subjects, what it belongs to, what was known before, and with what.

Values alone, each of which checks itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hardware_profiles.device import Device
from hardware_profiles.example import Example
from hardware_profiles.measurement import Measurement, Subject
from hardware_profiles.measuring.energy import EnergyMeter
from hardware_profiles.measuring.timing import Clock
from hardware_profiles.runtime import RUNTIMES, Prepared, Runtime
from hardware_profiles.setting import Setting
from search_space.errors import ProfileError, RuntimeUnavailableError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Build", "Built", "Earlier", "Instruments", "ProfileOrigin"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A subject ready to be compiled.

    Parameters
    ----------
    module
        In evaluation mode, in float.
    example
        An input of the setting's batch size, ``(B, ...)``; of a step, several by name.
    policy
        Precision by module path of its linear layers.
    """

    module: nn.Module
    example: Example
    policy: Mapping[str, str]

    def prepared(self, runtime: Runtime) -> Prepared:
        """Return the module in a runtime's own form."""
        if isinstance(self.example, Mapping):
            return runtime.prepare_step(self.module, self.example)
        return runtime.prepare(self.module, self.example)


Build = Callable[[Subject], Built]
"""Makes the module, example and policy of a subject."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileOrigin:
    """What a profile belongs to, and what it says of how it came about."""

    setting: Setting
    device: Device
    space_fingerprint: str
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruments:
    """What a subject is executed and measured with.

    Parameters
    ----------
    runtime
        Compiles and executes.
    clock
        Returns seconds.
    meter
        Counts energy where it can be read.
    """

    runtime: Runtime
    clock: Clock = time.perf_counter
    meter: EnergyMeter | None = None

    @classmethod
    def of(cls, setting: Setting) -> Instruments:
        """Return the setting's runtime with the system's clock and no meter."""
        return cls(runtime=RUNTIMES[setting.runtime])

    def check(self, subjects: Sequence[Subject], *, setting: Setting) -> None:
        """Raise ``RuntimeUnavailableError`` where the runtime is missing or cannot execute a subject."""
        if self.runtime.name != setting.runtime:
            raise ValueError("the instruments are not those of the setting")
        reason = self.runtime.unavailable()
        if reason is not None:
            raise RuntimeUnavailableError(
                "setting.runtime", expected="an installed runtime", got=setting.runtime, remedy=reason
            )
        for subject in subjects:
            if subject.float_precision not in self.runtime.float_precisions:
                raise RuntimeUnavailableError(
                    f"float_precision of {subject}",
                    expected=f"one of {', '.join(sorted(self.runtime.float_precisions))} on {self.runtime.name}",
                    got=subject.float_precision,
                    remedy="choose another float precision or runtime",
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """What was measured before, that new measurements shall be comparable with.

    Parameters
    ----------
    measurements
        Of an earlier, interrupted call with the same setting; they are kept and not repeated.
    baseline_ms
        Latency of the reference that drift is relative to, in milliseconds: :attr:`Profile.baseline_ms` of the profile
        that these latencies shall be comparable with. Default: that of ``measurements``, or else the one measured now.

    Raises
    ------
    ProfileError
        When the baseline makes no sense.
    """

    measurements: Sequence[Measurement] = ()
    baseline_ms: float | None = None

    def __post_init__(self) -> None:
        if self.baseline_ms is not None and not (math.isfinite(self.baseline_ms) and self.baseline_ms > 0):
            raise ProfileError(
                "baseline_ms",
                expected="a positive finite number of milliseconds",
                got=repr(self.baseline_ms),
                remedy="give the baseline of a profile, or none",
            )

    @property
    def reference_ms(self) -> float | None:
        """The latency of the reference that drift is relative to, if it is known."""
        # A resumed profile keeps the baseline it began with, or its halves would not be comparable.
        if self.baseline_ms is None and self.measurements:
            return self.measurements[-1].baseline_ms
        return self.baseline_ms

    @property
    def next_order(self) -> int:
        """The order of the next measurement."""
        return max((m.order for m in self.measurements), default=-1) + 1

    def missing(self, subjects: Sequence[Subject]) -> list[Subject]:
        """Return the subjects without a measurement, each once."""
        known = {m.subject for m in self.measurements}
        return [s for s in dict.fromkeys(subjects) if s not in known]
