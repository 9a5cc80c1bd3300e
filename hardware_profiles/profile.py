"""A device profile: what the blocks and some whole networks of one space cost on one device in one setting.

On disk it is a JSON header, which says what was measured where, and a Parquet table of the measurements. The table's
name carries its own hash and the header is replaced last, so a crash in between leaves the old profile whole.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hardware_profiles.atomic import write_atomically
from hardware_profiles.device import Device
from hardware_profiles.measurement import Measurand, Measurement
from hardware_profiles.profile_file import (
    FORMAT,
    SCHEMA_VERSION,
    malformed,
    read_header,
    read_mapping,
    read_table,
    signed,
    table_bytes,
)
from hardware_profiles.setting import Setting
from search_space import Architecture, Block
from search_space.errors import ProfileError
from search_space.schema import MalformedError, file_word, shown

__all__ = ["SCHEMA_VERSION", "Profile"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The measurements of one device, setting and space.

    Parameters
    ----------
    device, setting, runtime_version, space_fingerprint
        What the latencies belong to; profiles that differ in one of these are never mixed.
    created_at
        Time, ISO 8601 in UTC.
    measurements
        In the order they were finished.
    noise_floor
        Relative standard deviation of a latency that is measured twice: no predictor can do better.
    provenance
        How it came about, for a reader: versions, conditions of the machine, command, bundle.

    Raises
    ------
    ProfileError
        For a value that becomes a part of a file's name and is no plain word.
    """

    device: Device
    setting: Setting
    runtime_version: str
    space_fingerprint: str
    created_at: str
    measurements: tuple[Measurement, ...]
    noise_floor: float
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, text in (
            ("device.name", self.device.name),
            ("setting.runtime", self.setting.runtime),
            ("runtime_version", self.runtime_version),
            ("space_fingerprint", self.space_fingerprint),
        ):
            try:
                file_word(text)
            except MalformedError as error:
                raise ProfileError(
                    f"profile.{name}",
                    expected="letters, digits and . _ + - for a part of a file's name",
                    got=shown(text),
                    remedy="take the profile or the results as they were written",
                ) from error

    @property
    def blocks(self) -> dict[Block, Measurement]:
        """The measured blocks; of a block measured twice, the last."""
        return {m.subject: m for m in self.measurements if isinstance(m.subject, Block)}

    @property
    def networks(self) -> list[tuple[Architecture, Measurement]]:
        """The measured whole networks."""
        return [(m.subject, m) for m in self.measurements if isinstance(m.subject, Architecture)]

    @property
    def baseline_ms(self) -> float | None:
        """Latency of the drift reference that the latencies are relative to; ``None`` where nothing was measured."""
        return self.measurements[-1].baseline_ms if self.measurements else None

    @property
    def measured(self) -> tuple[Measurement, ...]:
        """What was measured on the device itself; the rest was predicted, see :mod:`predictors.new_device`."""
        return tuple(m for m in self.measurements if m.predicted_std is None)

    def holds(self, measurand: Measurand) -> bool:
        """Return whether a quantity was measured of some block."""
        return any(m.value(measurand) is not None for m in self.blocks.values())

    @property
    def name(self) -> str:
        """File name without suffix: device, runtime, threads, batch and space."""
        s = self.setting
        return f"{self.device.name}_{s.runtime}_t{s.threads}_b{s.batch_size}_{self.space_fingerprint}{s.suffix}"

    def check_matches(
        self,
        *,
        device: Device | None = None,
        setting: Setting | None = None,
        space_fingerprint: str | None = None,
        runtime_version: str | None = None,
    ) -> None:
        """Raise ``ProfileError`` with the difference unless the profile belongs to everything that is given."""
        again = "profile this device and space again, or name the profile that belongs to them"
        if device is not None and device.fingerprint != self.device.fingerprint:
            raise ProfileError(
                "profile.device",
                expected=f"{device.name} ({device.fingerprint})",
                got=f"a profile of {self.device.name} ({self.device.fingerprint}): {self.device.difference(device)}",
                remedy=again,
            )
        pairs = (
            ("setting", setting, self.setting),
            ("space_fingerprint", space_fingerprint, self.space_fingerprint),
            ("runtime_version", runtime_version, self.runtime_version),
        )
        for name, wanted, ours in pairs:
            if wanted is not None and wanted != ours:
                raise ProfileError(f"profile.{name}", expected=str(wanted), got=str(ours), remedy=again)

    def save(self, path: Path) -> Path:
        """Write to ``path`` (the header, ``*.json``) or into the folder ``path``; returns the header's path."""
        header = path if path.suffix == ".json" else path / f"{self.name}.json"
        content = table_bytes(self.measurements)
        digest = hashlib.sha256(content).hexdigest()
        table = header.with_name(f"{header.stem}.{digest[:12]}.parquet")
        data = signed({**self._header(), "count": len(self.measurements), "table": table.name, "sha256": digest})
        write_atomically(table, content)
        write_atomically(header, (json.dumps(data, indent=2, sort_keys=True) + "\n").encode())
        for old in header.parent.glob(f"{glob.escape(header.stem)}.{'[0-9a-f]' * 12}.parquet"):
            if old != table:
                old.unlink(missing_ok=True)
        return header

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as one JSON-able mapping, for where there are no files."""
        return {**self._header(), "measurements": [m.to_dict() for m in self.measurements]}

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "schema": 1 if len(self.measured) == len(self.measurements) else SCHEMA_VERSION,
            "device": json.loads(self.device.to_json()),
            "device_fingerprint": self.device.fingerprint,
            "setting": self.setting.to_mapping(),
            "runtime_version": self.runtime_version,
            "space_fingerprint": self.space_fingerprint,
            "created_at": self.created_at,
            "noise_floor": self.noise_floor,
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str) -> Profile:
        """Read what :meth:`to_dict` returned; raises ``ProfileError``, which names ``where``, as :meth:`load` does."""
        known = read_mapping(data, where=where)
        return cls._read(known, known["measurements"], where)

    @classmethod
    def load(cls, path: Path) -> Profile:
        """Read a profile by its header; raises ``ProfileError`` for a corrupt, truncated, foreign or newer one."""
        known = read_header(path)
        return cls._read(known, read_table(path, known), path.name)

    @classmethod
    def _read(cls, known: Mapping[str, Any], measurements: tuple[Measurement, ...], where: str) -> Profile:
        device = Device(**known["device"])
        if device.fingerprint != known["device_fingerprint"]:
            raise malformed(where, "a device that was edited")
        return cls(
            device=device,
            setting=Setting(**known["setting"]),
            runtime_version=known["runtime_version"],
            space_fingerprint=known["space_fingerprint"],
            created_at=known["created_at"],
            measurements=measurements,
            noise_floor=known["noise_floor"],
            provenance=known.get("provenance", {}),
        )
