"""What pages tell in words: the answer of a report, how documents differ, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runs.service.server.shapes import RunShape

__all__ = ["answer_of", "differences", "size"]


def answer_of(report: Path) -> str | None:
    """Return the sentence on top of a run's report, which its folder holds; ``None`` before there is one."""
    try:
        lines = (report / "report.md").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    texts = (line for line in lines if line and not line.startswith("#"))
    return next((text.strip("*") for text in texts), None)


def differences(runs: Sequence[RunShape]) -> list[tuple[str, list[str]]]:
    """Return the keys in which the documents of runs differ, each with its value in every run."""
    documents = [dict(_leaves(run.document.model_dump(mode="json"))) for run in runs]
    names = [name for name in documents[0] if name != "name"]
    values = {name: [_text(document[name]) for document in documents] for name in names}
    return [(name, texts) for name, texts in values.items() if len(set(texts)) > 1]


def size(count: int) -> str:
    """Return a number of bytes in words."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:.3g} {unit}"
    return f"{count} B"


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None else str(value)
