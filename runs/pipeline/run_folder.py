"""Where the files of a run lie: ``outputs/task/name``, inside of the outputs and beside what runs share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from search_space.errors import ConfigError

__all__ = ["run_folder", "sweep_name"]

_NAME = re.compile(r"\w[\w.,=+@-]*")
_LONGEST = 200  # bytes; a file name has at most 255, and names of files are made from it
_SHARED = ("supernets", "comparisons", "profiles")


def _check_name(name: str, *, parameter: str = "name") -> None:
    """Raise ``ConfigError`` unless a name is that of one folder, and not of one that runs share."""
    if not _NAME.fullmatch(name) or name.endswith(".") or len(name.encode(errors="replace")) > _LONGEST:
        raise ConfigError(
            parameter,
            expected=f"letters, digits and . _ - = , + @, a letter or digit first, of at most {_LONGEST} bytes",
            got=repr(name[:60]),
            remedy="choose another name",
        )
    if name.casefold() in _SHARED:
        raise ConfigError(
            parameter, expected="a name that no shared folder has", got=repr(name), remedy="choose another name"
        )


def run_folder(*, outputs: str, task: str, name: str) -> Path:
    """Return the folder of a run.

    Raises
    ------
    ConfigError
        ``outputs`` is empty, or a name would lead elsewhere.
    """
    if not outputs.strip():
        raise ConfigError("outputs", expected="a folder", got=repr(outputs), remedy="write outputs=. for this folder")
    _check_name(task, parameter="task.name")
    _check_name(name)
    return Path(outputs) / task / name


def sweep_name(name: str, swept: Mapping[str, str]) -> str:
    """Return the name of one run of a sweep: ``name-key=value``, from the keys that differ between its runs."""
    if not swept:
        return name
    full = f"{name}-{','.join(f'{key}={value}' for key, value in swept.items())}"
    made = re.sub(r"[^\w.,=+@-]+", "-", full).rstrip(".")
    if made == full and len(made.encode()) <= _LONGEST:
        return made
    digest = hashlib.sha256(full.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{made.encode()[: _LONGEST - 9].decode(errors='ignore')}-{digest}"
