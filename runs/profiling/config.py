"""How this machine is profiled."""

from __future__ import annotations

from dataclasses import dataclass

from hardware_profiles.duration import seconds
from runs.checks import check_value

__all__ = ["ProfileConfig"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileConfig:
    """How much is measured and how precisely; times in seconds, but ``time_budget`` is a duration such as ``5m``."""

    path: str | None
    networks: int
    precision: float
    max_seconds: float
    time_budget: float | str | None
    memory: bool
    bundle: str | None
    import_results: str | None
    seed: int
    adapt: str | None
    samples: int

    def __post_init__(self) -> None:
        check_value("profile.networks", self.networks, "0 or more", self.networks >= 0)
        check_value("profile.precision", self.precision, "a number between 0 and 1", 0 < self.precision < 1)
        check_value("profile.max_seconds", self.max_seconds, "more than 0", self.max_seconds > 0)
        if self.time_budget is not None:
            seconds(self.time_budget, parameter="profile.time_budget")  # a malformed one is refused at once
        check_value("profile.seed", self.seed, "0 or more", self.seed >= 0)
        both = self.path is not None and self.adapt is not None
        check_value("profile.adapt", self.adapt, "none beside profile.path", not both)
        check_value("profile.samples", self.samples, "1 or more", self.samples > 0)

    @property
    def time_budget_s(self) -> float | None:
        """The time budget in seconds."""
        return None if self.time_budget is None else seconds(self.time_budget, parameter="profile.time_budget")
