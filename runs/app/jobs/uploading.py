"""``python -m runs.app.jobs.uploading``: reads a file that a user has uploaded, as a run would read it.

What it is told on standard input, and says on standard output, is a line of JSON each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runs.app.compose import compose
from runs.app.jobs.unpacking import unpack
from runs.pipeline.context import task_data
from runs.service.document import problem
from search_space.errors import ConfigError, NasweaveError
from supernet.tasks import TASKS

__all__ = ["uploaded"]

_NICER = 5  # than what measures beside it


def uploaded(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"options", "facts", "notes"}`` of data that a run can read, or ``{"refused": ...}``, four parts.

    Parameters
    ----------
    asked
        ``file``, the path of what was uploaded; ``task``, which reads it, with ``options`` of it; ``data_root``; and
        ``most_bytes``, of the pictures of a zip.
    """
    file = Path(asked["file"])
    try:
        _check_options(asked["task"], asked["options"])
        path = file
        if file.suffix == ".zip":
            path = unpack(file, file.with_suffix(""), most_bytes=asked["most_bytes"])
            file.unlink()
        options = {f"task.options.{name}": value for name, value in asked["options"].items()}
        overrides = {**options, "task.options.path": str(path), "data_root": asked["data_root"]}
        config = compose(task=asked["task"], overrides=overrides)
        summary = task_data(config).summary
    except NasweaveError as error:
        parts = {name: _without(text, file) for name, text in problem.of_error(error).items()}
        return {"refused": {**parts, "parameter": parts["parameter"].removeprefix("task.")}}
    return {"options": dict(config.task.options), "facts": dict(summary.facts), "notes": list(summary.notes)}


def _check_options(task: str, options: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` for an option that the task has not, or that names a file of this machine."""
    known = [name for name in TASKS[task].options if "path" not in name and name != "tokenizer"]
    for name in options:
        if name not in known:
            expected = f"one of {', '.join(known)}"
            raise ConfigError("task.options", expected=expected, got=repr(name), remedy="correct it")


def _without(text: str, file: Path) -> str:
    """Return a text in which the place of the file on this machine is its name alone."""
    return text.replace(f"{file.parent}{os.sep}", "")


def main() -> None:
    """Answer once."""
    os.nice(_NICER)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    print(json.dumps(uploaded(json.loads(sys.stdin.readline()))), file=answers, flush=True)


if __name__ == "__main__":
    main()
