"""An exported folder: its manifest, read with a schema and limits, and the hashes of its files.

This file is a part of ``bench.py`` and imports the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "EXAMPLE",
    "FORMAT",
    "MANIFEST",
    "SCHEMA",
    "SCRIPT",
    "FolderError",
    "Opener",
    "check_files",
    "fresh_command",
    "read_manifest",
    "sha256_of",
]

MANIFEST, EXAMPLE, SCRIPT = "manifest.json", "example_input.npy", "bench.py"
FORMAT, SCHEMA = "nasweave.export", 1

_MOST_BYTES, _MOST_FILES, _LONGEST = 16 * 2**20, 10_000, 500
_DIGEST, _WORD = re.compile(r"[0-9a-f]{64}"), re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,60}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opener:
    """What a program for other machines knows of one way to run models.

    Parameters
    ----------
    package
        What has to be importable.
    needs
        What a user is told to install where it is not.
    open_model
        Opens a model's file with its settings on a number of threads. In ``bench.py`` stands a copy of its source.
    settings
        What a manifest may tell it: how to compute, and nothing about files.
    beside
        The suffix of the file that it opens beside a model's, by the suffix of the latter.
    carries
        The modules of nasweave that the function imports, which are copied too.
    """

    package: str
    needs: str
    open_model: Callable[[str, Mapping[str, Any], int], Callable[[Any], Any]]
    settings: frozenset[str] = frozenset()
    beside: Mapping[str, str] = field(default_factory=dict)
    carries: tuple[str, ...] = ()


class FolderError(Exception):
    """A folder that is not as it was exported, or a runtime that is missing; one line, exit code 2."""

    def __init__(self, parameter: str, *, expected: str, got: str, remedy: str) -> None:
        self.parameter, self.expected, self.got, self.remedy = parameter, expected, got, remedy
        super().__init__(" ".join(f"{parameter}: expected {expected}, got {got}; {remedy}".split()))


def read_manifest(folder: Path, openers: Mapping[str, Opener] | None = None) -> dict[str, Any]:
    """Return the manifest of an exported folder; raises ``FolderError`` where there is none, or one that cannot be.

    Its models name files of its list alone, each with its hash and inside the folder. Where ``openers`` are given, by
    runtime, settings that one does not take and files beside a model that have no hash are refused too.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind, schema = manifest["format"], manifest["schema"]
        if kind != FORMAT:
            raise ValueError(f"the format {str(kind)[:40]!r}")
        if schema == SCHEMA:
            _check_manifest(manifest, openers)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or f"{error or type(error).__name__}"
        raise FolderError(
            str(path),
            expected="the manifest of an exported folder",
            got=reason,
            remedy="name a folder that nasweave export wrote, or export it again",
        ) from error
    if schema != SCHEMA:
        raise FolderError(
            str(path),
            expected=f"schema {SCHEMA}",
            got=f"schema {str(schema)[:40]}, of another version of nasweave",
            remedy="use the version that wrote it, or export it again",
        )
    return manifest


def _check_manifest(manifest: dict[str, Any], openers: Mapping[str, Opener] | None) -> None:
    """Raise ``ValueError`` where a part of the manifest is of another form than an export has."""
    files, models = manifest["files"], manifest["models"]
    if not isinstance(files, dict) or not isinstance(models, dict) or not _is_text(manifest["name"]):
        raise ValueError("files, models or a name of another form")
    if len(files) > _MOST_FILES:
        raise ValueError(f"{len(files)} files")
    for name, entry in files.items():
        if not _is_inside(name):
            raise ValueError(f"the file {name[:80]!r}, which is none inside the folder")
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise ValueError(f"no size and hash of {name}")
        size, digest = entry["bytes"], entry["sha256"]
        if type(size) is not int or size < 0 or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"no size and hash of {name}")
    for name, entry in models.items():
        _check_model(name, entry, files, openers or {})


def _check_model(name: str, entry: Any, files: Mapping[str, Any], openers: Mapping[str, Opener]) -> None:
    other_form = ValueError(f"a model {name[:80]!r} of another form")
    if not isinstance(entry, dict) or set(entry) != {"format", "runtime", "settings", "files"}:
        raise other_form
    parts, settings = entry["files"], entry["settings"]
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts) or len(parts) > len(files):
        raise other_form
    if not all(isinstance(word, str) and _WORD.fullmatch(word) for word in (entry["format"], entry["runtime"])):
        raise other_form
    opener = openers.get(entry["runtime"])
    beside = {} if opener is None else opener.beside
    needed = [name, *parts, EXAMPLE]
    needed += [name.removesuffix(end) + other for end, other in beside.items() if name.endswith(end)]
    missing = next((part for part in needed if part not in files), None)
    if missing is not None:
        raise ValueError(f"a model {name[:80]!r} that needs {missing[:80]!r}, which has no hash")
    if name not in parts:
        raise ValueError(f"a model {name[:80]!r} that is none of its own files")
    known = isinstance(settings, dict) and (opener is None or settings.keys() <= opener.settings)
    if not known or not all(_WORD.fullmatch(k) and (isinstance(v, int) or _is_text(v)) for k, v in settings.items()):
        raise ValueError(f"a model {name[:80]!r} with unknown settings")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _is_inside(name: str) -> bool:
    """Whether a name is the plain relative path of a file below the folder, on every system."""
    parts = name.split("/")
    return _is_text(name) and not set(name) & set('\\:*?"<>|') and not any(part in ("", ".", "..") for part in parts)


def check_files(folder: Path, manifest: Mapping[str, Any], names: Iterable[str] | None = None) -> None:
    """Raise ``FolderError`` for the first file that is missing, lies elsewhere or has another hash.

    All files are checked where ``names`` are none.
    """
    for name in manifest["files"] if names is None else names:
        path, listed = folder / name, manifest["files"].get(name, {})
        if not path.resolve().is_relative_to(folder.resolve()):
            raise _changed(path, "a link to a place outside of the folder")
        if path.exists() and not path.is_file():
            raise _changed(path, "something that is no file")
        try:
            found = sha256_of(path)
        except OSError as error:
            raise _changed(path, str(error.strerror or error)) from error
        if found != listed.get("sha256"):
            raise _changed(path, "hash mismatch with manifest.json: the file was changed")


def _changed(path: Path, reason: str) -> FolderError:
    return FolderError(
        str(path), expected="the file as exported", got=reason, remedy="copy the whole folder or export it again"
    )


def sha256_of(path: Path) -> str:
    """Return the hash of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fresh_command(script: Path, arguments: Sequence[str], *, path: Sequence[str]) -> list[str]:
    """Return the command of a process that runs a script and can import the standard library and ``path`` alone."""
    code = (
        f"import runpy, sys; sys.path += {list(path)!r}; sys.argv = {[str(script), *arguments]!r}; "
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    return [sys.executable, "-I", "-S", "-c", code]
