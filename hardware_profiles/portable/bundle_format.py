"""The files of a bundle and of its results: what they may say, and how they are read.

Both travel between machines and may come from anywhere: each field is checked before anything uses it, and each file
that a bundle names lies in its folder and has the hash that is told. This file is carried by the bundles themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardware_profiles.device import DEVICE
from hardware_profiles.setting import PROVENANCE, SETTING
from search_space.errors import ProfileError
from search_space.schema import (
    MalformedError,
    file_path,
    file_word,
    hexadecimal,
    integer,
    items,
    moment,
    number,
    one_of,
    optional,
    parse_json,
    read_file,
    record,
    scalar,
    shown,
    table,
    text,
    word,
)

__all__ = [
    "BUNDLE",
    "BUNDLE_FORMAT",
    "BUNDLE_SCHEMA",
    "RESULTS_FORMAT",
    "UNIT",
    "bundle_identity",
    "damaged",
    "read_bundle",
    "read_lines",
    "read_part",
    "results_head",
    "row_place",
]

BUNDLE, BUNDLE_FORMAT, RESULTS_FORMAT, BUNDLE_SCHEMA = "bundle.json", "nasweave.bundle", "nasweave.bundle_results", 1
UNIT = "ms"
_MOST_BYTES, _MOST_PART_BYTES, _MOST_MODELS = 2**28, 2**31, 10**6


_IDENTITY = hexadecimal(16)  # of a bundle or a session; it becomes a part of a file's name
_PART = record({"path": file_path, "sha256": hexadecimal(64)})
_REFERENCE = {
    "name": file_word,
    "float_precision": word,
    "settings": table(word, scalar, most=100),
    "model": _PART,
    "input": _PART,
}
_MODEL = {
    **_REFERENCE,
    "phase": one_of("first", "block", "network"),
    "title": text(),
    "subject": text(longest=2**20),
}
_BUNDLE = record(
    {
        "format": one_of(BUNDLE_FORMAT),
        "schema": one_of(BUNDLE_SCHEMA),
        "id": _IDENTITY,
        "setting": SETTING,
        "package": word,
        "graph": file_word,
        "space_fingerprint": file_word,
        "config": table(word, optional(scalar), most=100),
        "provenance": PROVENANCE,
        "reference": record(_REFERENCE),
        "models": items(record(_MODEL), most=_MOST_MODELS),
    }
)
_HEAD = record(
    {
        "format": one_of(RESULTS_FORMAT),
        "schema": one_of(BUNDLE_SCHEMA),
        "bundle": _IDENTITY,
        "session": _IDENTITY,
        "unit": one_of(UNIT),
        "device": DEVICE,
        "setting": SETTING,
        "runtime_version": file_word,
        "space_fingerprint": file_word,
        "confidence": number(0.5, 0.9999),
        "baseline_ms": number(1e-9, 8.64e7),
        "created_at": moment,
        "provenance": PROVENANCE,
    }
)


def results_head(data: Any) -> dict[str, Any]:
    """Return the checked first line of results; raises ``MalformedError``."""
    return _HEAD(data)


def row_place(row: Any) -> tuple[str, int]:
    """Return the name and the order of a later line of results; raises ``MalformedError``."""
    if not isinstance(row, dict):
        raise MalformedError(f"expected a measurement, got {shown(row)}")
    return file_word(row.get("name")), integer(0, _MOST_MODELS)(row.get("order"))


def bundle_identity(bundle: Mapping[str, Any]) -> str:
    """Return what names a bundle: a hash of all that it says."""
    rest = {name: value for name, value in bundle.items() if name != "id"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]


def read_bundle(folder: Path) -> dict[str, Any]:
    """Return what a bundle says; raises ``ProfileError`` where it is damaged, changed or of another version."""
    path = folder / BUNDLE
    try:
        data = parse_json(read_file(path, most_bytes=_MOST_BYTES))
        if not isinstance(data, dict) or (data.get("format"), data.get("schema")) != (BUNDLE_FORMAT, BUNDLE_SCHEMA):
            raise damaged(path, "a file of another kind or version")
        bundle = _BUNDLE(data)
    except (OSError, MalformedError) as error:
        raise damaged(path, str(error)) from error
    if bundle_identity(data) != bundle["id"]:
        raise damaged(path, "other contents than were exported")
    return bundle


def read_part(folder: Path, part: Mapping[str, str]) -> bytes:
    """Return the content of a file of a bundle; raises ``ProfileError`` where it has not the hash that is told."""
    path = folder / part["path"]
    try:
        content = read_file(path, most_bytes=_MOST_PART_BYTES)
    except (OSError, MalformedError) as error:
        raise damaged(path, str(error)) from error
    if hashlib.sha256(content).hexdigest() != part["sha256"]:
        raise damaged(path, "other bytes than were exported")
    return content


def read_lines(path: Path) -> tuple[list[Any], int]:
    """Return the whole lines of a file of results, and their bytes; raises ``MalformedError`` or ``OSError``."""
    content = read_file(path, most_bytes=_MOST_BYTES)
    whole = content[: content.rfind(b"\n") + 1]
    return [parse_json(line) for line in whole.split(b"\n")[:-1]], len(whole)


def damaged(path: Path, reason: str) -> ProfileError:
    """Return the error for a file of a bundle that is not as it was exported."""
    return ProfileError(
        f"bundle file {path.name}", expected="the file as exported", got=reason, remedy="copy the bundle again"
    )
