"""Where the files of a run lie: ``outputs/task/name``, inside of the outputs and beside what runs share.

A run of a sweep is called ``name-key-value``, so that a shell, a browser and ``compare=[a,b]`` take its name as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from search_space.errors import ConfigError
from search_space.schema import LONGEST_NAME, is_file_name, shown

__all__ = ["comparison_name", "run_folder", "sweep_folder", "sweep_name"]

_NAME = re.compile(r"\w[\w.,=+@-]*")
_SHARED = ("supernets", "teachers", "comparisons", "profiles")


def _check_name(name: str, *, parameter: str = "name") -> None:
    """Raise ``ConfigError`` unless a name is that of one folder, and not of one that runs share."""
    if not is_file_name(name) or not _NAME.fullmatch(name):
        raise ConfigError(
            parameter,
            expected=f"letters, digits and . _ - = , + @, a letter or digit first, of at most {LONGEST_NAME} bytes",
            got=shown(name),
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
    """Return the name of one run of a sweep, ``name-key-value``, from the keys that differ between its runs.

    Where two sweeps could have the same name so, or a value has characters that a name has not, a hash ends it.
    """
    if not swept:
        return name
    full = f"{name}-{'-'.join(f'{key}-{value}' for key, value in swept.items())}"
    as_keys = any(re.search(r"-[^\W\d]", text) for text in (*swept, *swept.values()))
    return _one_name(full, characters=r"\w.+@-", ambiguous=as_keys)


def comparison_name(names: Sequence[str]) -> str:
    """Return the name of the folder that compares runs of these names."""
    return _one_name("+".join(names), characters=r"\w.=+-")


def _one_name(full: str, *, characters: str, ambiguous: bool = False) -> str:
    """Return a text as the name of a folder, with a hash of it at the end where it is ambiguous or not all there."""
    made = re.sub(f"[^{characters}]+", "-", full).rstrip(".")
    if made == full and not ambiguous and len(made.encode()) <= LONGEST_NAME:
        return made
    digest = hashlib.sha256(full.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{made.encode(errors='replace')[: LONGEST_NAME - 9].decode(errors='ignore')}-{digest}"


def sweep_folder(*, outputs: str, task: str, name: str, swept: Mapping[str, str]) -> Path:
    """Return the folder of one run of a sweep: that of :func:`sweep_name`, or the one that version 0.1 made for it."""
    former = f"{name}-{','.join(f'{key}={value}' for key, value in swept.items())}"
    if swept and "/" not in former and len(former.encode(errors="replace")) <= LONGEST_NAME:
        folder = Path(outputs) / task / former
        if folder.is_dir():
            return run_folder(outputs=outputs, task=task, name=former)
    return run_folder(outputs=outputs, task=task, name=sweep_name(name, swept))
