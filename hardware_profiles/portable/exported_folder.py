"""An exported folder: its manifest, read with a schema and limits, and the hashes of its files.

This file is a part of ``bench.py`` and imports the standard library alone.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_space.errors import NasweaveError
from search_space.schema import (
    MalformedError,
    file_path,
    hexadecimal,
    integer,
    items,
    number,
    one_of,
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

_MOST_MANIFEST_BYTES, _MOST_FILES = 16 * 2**20, 10_000
_MANIFEST_FIELDS = record(
    {
        "format": one_of(FORMAT),
        "schema": one_of(SCHEMA),
        "name": text(longest=500),
        "models": table(
            file_path,
            record(
                {
                    "format": word,
                    "runtime": word,
                    "settings": table(word, scalar, most=100),
                    "files": items(file_path, least=1, most=_MOST_FILES),
                }
            ),
            most=_MOST_FILES,
        ),
        "files": table(file_path, record({"bytes": integer(0, 2**62), "sha256": hexadecimal(64)}), most=_MOST_FILES),
        "measured": table(file_path, table(word, number(0.0, 2.0**62), most=100), most=_MOST_FILES),
    },
    may_lack=("measured",),
)


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


class FolderError(NasweaveError):
    """A folder that is not as it was exported, or a runtime that is missing; one line, exit code 2."""


def read_manifest(folder: Path, openers: Mapping[str, Opener] | None = None) -> dict[str, Any]:
    """Return the manifest of an exported folder; raises ``FolderError`` where there is none, or one that cannot be.

    Its models name files of its list alone, each with its hash and inside the folder. Where ``openers`` are given, by
    runtime, settings that one does not take and files beside a model that have no hash are refused too.
    """
    path = folder / MANIFEST
    try:
        data = parse_json(read_file(path, most_bytes=_MOST_MANIFEST_BYTES))
        if isinstance(data, dict) and data.get("format") != FORMAT:
            raise MalformedError(f"the format {shown(data.get('format'))}")
        schema = data.get("schema") if isinstance(data, dict) else SCHEMA
        if schema != SCHEMA:
            raise FolderError(
                str(path),
                expected=f"schema {SCHEMA}",
                got=f"schema {shown(schema)}, of another version of nasweave",
                remedy="use the version that wrote it, or export it again",
            )
        manifest = _MANIFEST_FIELDS(data)
        for name, entry in manifest["models"].items():
            _check_model(name, entry, manifest["files"], openers or {})
    except (OSError, MalformedError) as error:
        raise FolderError(
            str(path),
            expected="the manifest of an exported folder",
            got=getattr(error, "strerror", None) or str(error),
            remedy="name a folder that nasweave export wrote, or export it again",
        ) from error
    return manifest


def _check_model(name: str, entry: Mapping[str, Any], files: Mapping[str, Any], openers: Mapping[str, Opener]) -> None:
    """Raise ``MalformedError`` for a model that needs files without a hash, or settings that its runtime has not."""
    opener = openers.get(entry["runtime"])
    beside = {} if opener is None else opener.beside
    needed = [name, *entry["files"], EXAMPLE]
    needed += [name.removesuffix(end) + other for end, other in beside.items() if name.endswith(end)]
    missing = next((part for part in needed if part not in files), None)
    if missing is not None:
        raise MalformedError(f"a model {shown(name)} that needs {shown(missing)}, which has no hash")
    if name not in entry["files"]:
        raise MalformedError(f"a model {shown(name)} that is none of its own files")
    if opener is not None and not entry["settings"].keys() <= opener.settings:
        raise MalformedError(f"a model {shown(name)} with unknown settings")


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
