"""Results of a bundle, brought back: checked line by line and turned into a profile."""

from __future__ import annotations

from pathlib import Path

from hardware_profiles.device import Device
from hardware_profiles.measurement import Measurement
from hardware_profiles.measuring.noise import noise_floor
from hardware_profiles.portable.bundle_format import BUNDLE_SCHEMA, RESULTS_FORMAT, UNIT, read_lines, results_head
from hardware_profiles.profile import Profile
from hardware_profiles.setting import Setting
from search_space.errors import ProfileError
from search_space.schema import MalformedError, shown

__all__ = ["SESSION", "read_results"]

SESSION = "bundle_session"
_REMEDY = "bring the file back as measure.py wrote it"


def read_results(path: Path) -> Profile:
    """Return the profile that a results file holds; its provenance names bundle and session.

    Raises
    ------
    ProfileError
        For a file of another kind, in another unit, without results, or with impossible or repeated ones.
    """
    try:
        rows, _ = read_lines(path)
    except (OSError, MalformedError) as error:
        raise _unusable(path, f"an unreadable one ({error})") from error
    if not rows or not isinstance(rows[0], dict) or rows[0].get("format") != RESULTS_FORMAT:
        raise _unusable(path, "a file of another kind")
    if rows[0].get("schema") != BUNDLE_SCHEMA:
        raise _unusable(path, f"schema {shown(rows[0].get('schema'))} in place of {BUNDLE_SCHEMA}")
    if rows[0].get("unit") != UNIT:
        raise _unusable(path, f"times in {shown(rows[0].get('unit'))} in place of {UNIT}")
    try:
        head = results_head(rows[0])
    except MalformedError as error:
        raise _unusable(path, f"a first line that says something else ({error})") from error
    if len(rows) == 1:
        raise _unusable(path, "no measurements")
    if not all(isinstance(row, dict) and "name" in row for row in rows[1:]):
        raise _unusable(path, "a line of another kind")
    measurements = tuple(Measurement.from_dict({k: v for k, v in row.items() if k != "name"}) for row in rows[1:])
    if len({m.subject for m in measurements}) != len(measurements):
        raise _unusable(path, "a model measured in two lines")
    if {round(m.baseline_ms / head["baseline_ms"], 6) for m in measurements} != {1.0}:
        raise _unusable(path, "lines of several measurements, whose references differ")
    return Profile(
        device=Device(**head["device"]),
        setting=Setting(**head["setting"]),
        runtime_version=head["runtime_version"],
        space_fingerprint=head["space_fingerprint"],
        created_at=head["created_at"],
        measurements=measurements,
        noise_floor=noise_floor(measurements, confidence=head["confidence"]),
        provenance={**head["provenance"], "bundle": head["bundle"], SESSION: head["session"]},
    )


def _unusable(path: Path, reason: str) -> ProfileError:
    return ProfileError(f"results {path.name}", expected="results of a bundle", got=reason, remedy=_REMEDY)
