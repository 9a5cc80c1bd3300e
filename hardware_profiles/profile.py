"""A device profile: what the blocks and some whole networks of one space cost on one device in one setting.

On disk it is a JSON header, which says what was measured where, and a Parquet table of the measurements. The table's
name carries its own hash and the header is replaced last, so a crash in between leaves the old profile whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hardware_profiles.atomic import write_atomically
from hardware_profiles.device import Device
from hardware_profiles.measurement import Measurand, Measurement
from hardware_profiles.setting import Setting
from search_space import Architecture, Block
from search_space.errors import NasweaveError, ProfileError

__all__ = ["SCHEMA_VERSION", "Profile"]

SCHEMA_VERSION = 2  # 2 has predicted entries, and is written where there are some
_READABLE = (1, 2)
_FORMAT = "nasweave.hardware_profile"
_FILE_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


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
            if not isinstance(text, str) or not _FILE_WORD.fullmatch(text):
                raise ProfileError(
                    f"profile.{name}",
                    expected="letters, digits and . _ + - for a part of a file's name",
                    got=repr(text)[:80],
                    remedy="take the profile or the results as they were written",
                )

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
        return f"{self.device.name}_{s.runtime}_t{s.threads}_b{s.batch_size}_{self.space_fingerprint}"

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
        import pandas as pd

        header = path if path.suffix == ".json" else path / f"{self.name}.json"
        buffer = io.BytesIO()
        predicted = [] if len(self.measured) == len(self.measurements) else ["predicted_std"]
        rows = pd.DataFrame([m.to_dict() for m in self.measurements], columns=[*_COLUMNS, *predicted])
        # A column of nothing but None has no type of its own.
        rows = rows.astype(dict.fromkeys(("repeat_ms", "energy_mj", "peak_memory_bytes", *predicted), "float64"))
        rows.to_parquet(buffer, engine="pyarrow", index=False)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        table = header.with_name(f"{header.stem}.{digest[:12]}.parquet")
        data = {**self._header(), "count": len(self.measurements), "table": table.name, "sha256": digest}
        write_atomically(table, buffer.getvalue())
        write_atomically(header, (json.dumps(data, indent=2, sort_keys=True) + "\n").encode())
        for old in header.parent.glob(f"{_escaped(header.stem)}.{'[0-9a-f]' * 12}.parquet"):
            if old != table:
                old.unlink(missing_ok=True)
        return header

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as one JSON-able mapping, for where there are no files."""
        return {**self._header(), "measurements": [m.to_dict() for m in self.measurements]}

    def _header(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "schema": 1 if len(self.measured) == len(self.measurements) else SCHEMA_VERSION,
            "device": json.loads(self.device.to_json()),
            "device_fingerprint": self.device.fingerprint,
            "setting": asdict(self.setting),
            "runtime_version": self.runtime_version,
            "space_fingerprint": self.space_fingerprint,
            "created_at": self.created_at,
            "noise_floor": self.noise_floor,
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str) -> Profile:
        """Read what :meth:`to_dict` returned; raises ``ProfileError``, which names ``where``, as :meth:`load` does."""
        return cls._read(
            _checked_header(data, where), lambda: tuple(map(Measurement.from_dict, data["measurements"])), where
        )

    @classmethod
    def load(cls, path: Path) -> Profile:
        """Read a profile by its header; raises ``ProfileError`` for a corrupt, truncated, foreign or newer one."""
        data = _read_header(path)
        return cls._read(data, lambda: _read_table(path, data), path.name)

    @classmethod
    def _read(cls, data: Mapping[str, Any], measurements: Callable[[], tuple[Measurement, ...]], where: str) -> Profile:
        try:
            device = Device.from_json(json.dumps(data["device"]))
            noise, provenance = float(data["noise_floor"]), data.get("provenance", {})
            texts = [data[key] for key in ("runtime_version", "space_fingerprint", "created_at")]
            texts += [*provenance.keys(), *provenance.values()]
            if not all(isinstance(text, str) for text in texts) or not (math.isfinite(noise) and noise >= 0):
                raise TypeError("a field of the wrong type")
            if device.fingerprint != data["device_fingerprint"]:
                raise ValueError("the device was edited")
            return cls(
                device=device,
                setting=Setting(**data["setting"]),
                runtime_version=data["runtime_version"],
                space_fingerprint=data["space_fingerprint"],
                created_at=data["created_at"],
                measurements=measurements(),
                noise_floor=noise,
                provenance=provenance,
            )
        except ProfileError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, NasweaveError) as error:
            raise _unreadable(where, f"{type(error).__name__}: {error}") from error


_COLUMNS = [
    "subject",
    "latency_ms",
    "raw_ms",
    "spread",
    "repeats",
    "drift",
    "reference_ms",
    "order",
    "measured_at",
    "repeat_ms",
    "energy_mj",
    "peak_memory_bytes",
]


def _escaped(stem: str) -> str:
    import glob

    return glob.escape(stem)


def _unreadable(where: str, reason: str) -> ProfileError:
    return ProfileError(
        f"profile {where}",
        expected="a whole profile of nasweave",
        got=reason,
        remedy="restore both of its files or profile again",
    )


def _read_header(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path.name, f"an unreadable header ({error})") from error
    return _checked_header(data, path.name)


def _checked_header(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
        raise _unreadable(where, "a file of another kind")
    if data.get("schema") not in _READABLE:
        raise ProfileError(
            f"profile {where}",
            expected=f"schema {' or '.join(map(str, _READABLE))}",
            got=f"schema {data.get('schema')!r}",
            remedy="it was written by another version of nasweave: install that one or profile again",
        )
    return dict(data)


def _read_table(path: Path, header: Mapping[str, Any]) -> tuple[Measurement, ...]:
    import pandas as pd
    import pyarrow as pa

    name = header["table"]
    if not isinstance(name, str) or not isinstance(header["sha256"], str):
        raise TypeError("a field of the wrong type")
    if Path(name).name != name:
        raise _unreadable(path.name, f"a table outside its folder ({name!r})")
    try:
        content = path.with_name(name).read_bytes()
    except OSError as error:
        raise _unreadable(path.name, f"an unreadable table ({error})") from error
    if hashlib.sha256(content).hexdigest() != header["sha256"]:
        raise _unreadable(path.name, f"a table {name} whose sha256 is not the header's")
    try:
        rows = pd.read_parquet(io.BytesIO(content), engine="pyarrow").to_dict("records")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path.name, f"a table that is no Parquet ({error})") from error
    if len(rows) != header["count"]:
        raise _unreadable(path.name, f"{len(rows)} measurements in place of {header['count']}")
    return tuple(Measurement.from_dict({str(k): v for k, v in row.items()}) for row in rows)
