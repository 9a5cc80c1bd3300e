"""The deployment target of a run: a space on a device, with a runtime and its setting."""

from __future__ import annotations

from dataclasses import dataclass

from hardware_profiles import Device, Profile, Runtime, Setting, Subject
from hardware_profiles.measuring.plausibility import check_units
from search_space import Architecture, Geometry, SearchSpace
from search_space.blocks import blocks_of
from search_space.errors import ProfileError, reason_of

__all__ = ["Target", "key_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What measurements of this machine belong to."""

    space: SearchSpace
    device: Device
    runtime: Runtime
    setting: Setting

    @property
    def key(self) -> str:
        """The name of its measurements: device, runtime and version, threads, batch, space, and another phase."""
        return key_of(self.device, self.setting, version=self.runtime.version(), space=self.space.fingerprint)

    def is_foreign(self, profile: Profile) -> bool:
        """Return whether latencies are of another device or runtime version, so that they cannot be measured here."""
        here = (self.device.fingerprint, self.runtime.version())
        return (profile.device.fingerprint, profile.runtime_version) != here

    def check(self, profile: Profile) -> None:
        """Raise ``ProfileError`` unless a profile is of this setting and space, in milliseconds."""
        profile.check_matches(setting=self.setting, space_fingerprint=self.space.fingerprint)
        check_units(profile, flops=self._flops)

    @property
    def geometry(self) -> Geometry:
        """The space's shapes at the length that is measured."""
        return self.space.geometry.of_length(self.setting.tokens)

    def _flops(self, subject: Subject) -> float:
        geometry = self.geometry
        blocks = blocks_of(subject, geometry.task) if isinstance(subject, Architecture) else [subject]
        tokens = geometry.task.seq_len if self.setting.phase == "decode" else 1  # a step is of one of them
        try:
            return sum(geometry.cost(block, self.space.catalogue).flops for block in blocks) / tokens
        except (ArithmeticError, ValueError, TypeError, LookupError) as error:  # of sizes that no space has
            raise ProfileError(
                "profile blocks",
                expected="blocks that can be built",
                got=f"{subject} ({reason_of(error)})",
                remedy="take the profile or the results as they were written",
            ) from error


def key_of(device: Device, setting: Setting, *, version: str, space: str) -> str:
    """Return the name of what measurements belong to."""
    parts = (device.fingerprint, setting.runtime, version, f"t{setting.threads}", f"b{setting.batch_size}", space)
    return "-".join(parts) + setting.suffix
