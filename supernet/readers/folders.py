"""Files of one kind in folders: found at any depth, hidden ones and others left out and counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from search_space.errors import DataError, reason_of
from supernet.readers.words import counted, shown

__all__ = ["Folders", "is_hidden"]


@dataclass(kw_only=True, slots=True, eq=False)
class Folders:
    """What was found on the way through folders; a note is made of each count.

    Parameters
    ----------
    what
        A file of the kind, in a word: ``picture``.
    suffixes
        How the names of such files end.
    hidden, others
        Left out: hidden files and folders, and files of other endings, by their ending.
    """

    what: str
    suffixes: tuple[str, ...]
    hidden: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def paths(self, folder: Path) -> list[Path]:
        """Return the files of a folder and of those in it, sorted; hidden ones and files of other kinds are counted.

        Raises
        ------
        DataError
            The folder cannot be listed.
        """
        return sorted(self._walk(folder, seen=set()))

    def _walk(self, folder: Path, *, seen: set[str]) -> Iterator[Path]:
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder around it
            return
        seen.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(
                str(folder), expected="a readable folder", got=reason_of(error), remedy="correct its permissions"
            ) from error
        for entry in entries:
            path = folder / entry.name
            is_one = path.suffix.lower() in self.suffixes
            if is_hidden(entry.name):
                self.hidden.append(entry.name)
            elif entry.is_dir() and not is_one:
                yield from self._walk(path, seen=seen)
            elif is_one:
                yield path
            else:
                self.others[path.suffix.lower() or entry.name] += 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or changed."""
        return self.left_out

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out."""
        told = []
        if self.hidden:
            names = ", ".join(sorted({shown(name) for name in self.hidden})[:5])
            told.append(f"left out, for it is hidden: {counted(len(self.hidden), 'name')} ({names})")
        if self.others:
            kinds = ", ".join(f"{count:,} of {shown(kind)}" for kind, count in self.others.most_common(5))
            told.append(f"left out, for it is no {self.what}: {counted(sum(self.others.values()), 'file')} ({kinds})")
        return tuple(told)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that programs make for themselves."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini")
