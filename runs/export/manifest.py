"""``manifest.json`` of an exported folder: the hash of every file, and what runs each model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardware_profiles.portable.exported_folder import (
    FORMAT,
    MANIFEST,
    SCHEMA,
    SCRIPT,
    FolderError,
    check_files,
    read_manifest,
    sha256_of,
)
from runs.export.formats import ExportFormat, Subject
from runs.export.program import program
from search_space.errors import CheckpointError

__all__ = ["check_folder", "file_sizes", "is_whole", "write_manifest"]


def write_manifest(
    folder: Path,
    *,
    name: str,
    formats: Mapping[str, ExportFormat],
    subject: Subject,
    measured: Mapping[str, Mapping[str, float]] | None = None,
) -> None:
    """Write ``bench.py`` and, over all files that are there, ``manifest.json``; to be called last.

    ``measured`` is what each model costs on the machine that exports it, by file and name with the unit.
    """
    (folder / SCRIPT).write_text(program(), encoding="utf-8")
    models = {}
    for form_name, form in formats.items():
        served = form.served(subject)
        if served is None:
            continue
        models[served.file] = {
            "format": form_name,
            "runtime": served.runtime,
            "settings": dict(served.settings),
            "files": list(form.files),
        }
    files = {n: {"bytes": size, "sha256": sha256_of(folder / n)} for n, size in file_sizes(folder).items()}
    manifest: dict[str, Any] = {"format": FORMAT, "schema": SCHEMA, "name": name, "models": models, "files": files}
    if measured:
        manifest["measured"] = {file: dict(values) for file, values in measured.items()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of every file of the folder but the manifest, by name in order."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in paths if p.name != MANIFEST}


def check_folder(folder: Path) -> dict[str, Any]:
    """Return the manifest of an exported folder whose files are as exported; raises ``CheckpointError`` otherwise."""
    try:
        manifest = read_manifest(folder)
        check_files(folder, manifest)
    except FolderError as error:
        raise CheckpointError(error.parameter, expected=error.expected, got=error.got, remedy=error.remedy) from error
    return manifest


def is_whole(folder: Path) -> bool:
    """Whether every file is there as it was exported."""
    try:
        check_folder(folder)
    except CheckpointError:
        return False
    return True
