"""Profiles that are shipped: search for one of these devices without having it at hand.

Each is a header ``<name>.json`` and its table in this folder; other distributions add folders of theirs through the
entry-point group ``nasweave.hardware_profiles.devices``, whose entries name packages.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from pathlib import Path

from search_space.errors import ProfileError

__all__ = ["locate", "shipped"]


def shipped() -> dict[str, Path]:
    """Return the header of every shipped profile by name."""
    packages = [__name__, *(e.value for e in entry_points(group=f"nasweave.{__name__}"))]
    folders = [Path(folder) for package in packages for folder in importlib.import_module(package).__path__]
    return {header.stem: header for folder in reversed(folders) for header in sorted(folder.glob("*.json"))}


def locate(text: str, *, folder: Path, parameter: str = "profile") -> Path:
    """Return the header that a user means by a file, by a profile's name in ``folder``, or by a shipped one's.

    Raises
    ------
    ProfileError
        When it is none of them; the line names ``parameter`` and lists those that there are.
    """
    for path in (Path(text), folder / f"{text}.json"):
        if path.is_file():
            return path
    names = shipped()
    if text in names:
        return names[text]
    here = [path.stem for path in sorted(folder.glob("*.json"))]
    raise ProfileError(
        parameter,
        expected=f"a profile's file, one that is here ({', '.join(here) or 'none'}) or shipped ({', '.join(names)})",
        got=f"{text!r}, which is none of them",
        remedy="correct the name or profile the device",
    )
