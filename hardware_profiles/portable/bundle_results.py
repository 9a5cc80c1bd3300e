"""Results of a bundle, brought back: checked line by line and turned into a profile."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hardware_profiles.device import Device
from hardware_profiles.measurement import Measurement
from hardware_profiles.measuring.noise import noise_floor
from hardware_profiles.portable.bundle_runner import BUNDLE_SCHEMA, RESULTS_FORMAT, UNIT
from hardware_profiles.profile import Profile
from hardware_profiles.setting import Setting
from search_space.errors import NasweaveError, ProfileError

__all__ = ["SESSION", "read_results"]

SESSION = "bundle_session"
_IDENTITY = re.compile(r"[0-9a-f]{16}")
_REMEDY = "bring the file back as measure.py wrote it"


def read_results(path: Path) -> Profile:
    """Return the profile that a results file holds; its provenance names bundle and session.

    Raises
    ------
    ProfileError
        For a file of another kind, in another unit, without results, or with impossible or repeated ones.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows: list[Any] = [json.loads(line) for line in lines]
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, f"an unreadable one ({error})") from error
    if not rows or not isinstance(rows[0], dict) or rows[0].get("format") != RESULTS_FORMAT:
        raise _unusable(path, "a file of another kind")
    head, results = rows[0], rows[1:]
    if head.get("schema") != BUNDLE_SCHEMA:
        raise _unusable(path, f"schema {head.get('schema')!r} in place of {BUNDLE_SCHEMA}")
    if head.get("unit") != UNIT:
        raise _unusable(path, f"times in {head.get('unit')!r} in place of {UNIT}")
    if not results:
        raise _unusable(path, "no measurements")
    try:
        measurements = tuple(Measurement.from_dict(row) for row in results)
        if len({m.subject for m in measurements}) != len(measurements):
            raise _unusable(path, "a model measured in two lines")
        baselines = {round(m.baseline_ms / float(head["baseline_ms"]), 6) for m in measurements}
        if baselines != {1.0}:
            raise _unusable(path, "lines of several measurements, whose references differ")
        provenance = {str(k): str(v) for k, v in head["provenance"].items()}
        return Profile(
            device=Device.from_json(json.dumps(head["device"])),
            setting=Setting(**head["setting"]),
            runtime_version=str(head["runtime_version"]),
            space_fingerprint=str(head["space_fingerprint"]),
            created_at=str(head["created_at"]),
            measurements=measurements,
            noise_floor=noise_floor(measurements, confidence=float(head["confidence"])),
            provenance={**provenance, "bundle": _identity(head["bundle"]), SESSION: _identity(head["session"])},
        )
    except ProfileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, NasweaveError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error


def _identity(value: Any) -> str:
    """Return what names a bundle or a session; it becomes a part of a file's name."""
    if not isinstance(value, str) or not _IDENTITY.fullmatch(value):
        raise ValueError(f"the identity {str(value)[:80]!r}, which is not 16 hexadecimal digits")
    return value


def _unusable(path: Path, reason: str) -> ProfileError:
    return ProfileError(f"results {path.name}", expected="results of a bundle", got=reason, remedy=_REMEDY)
