"""What pages tell in words: the answer of a report, values of documents, sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["answer_of", "size", "text"]


def answer_of(report: Path) -> str | None:
    """Return the sentence on top of a run's report, which its folder holds; ``None`` before there is one."""
    try:
        lines = (report / "report.md").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    texts = (line for line in lines if line and not line.startswith("#"))
    return next((text.strip("*") for text in texts), None)


def size(count: int) -> str:
    """Return a number of bytes in words."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:.3g} {unit}"
    return f"{count} B"


def text(value: Any) -> str:
    """Return a value of a document in words."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None else str(value)
