"""``python -m runs.app.jobs.bundling``: writes a bundle for a device, as ``nasweave profile bundle=`` does, into a zip.

What it is told on standard input, and says on standard output, is a line of JSON each.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from runs.app.jobs.checking import opened, refused
from runs.pipeline.stages.bundle import export_bundle
from runs.reporter import ProgressCallback, SilentReporter
from runs.service.document import problem
from search_space.errors import ConfigError, NasweaveError

__all__ = ["bundled"]

_NICER = 5  # than what measures beside it
_PERIOD_S = 1.0


class _Bounded(SilentReporter):
    """Ends a bundle that grows beyond a size; it is looked at every other second, so a little more may be written."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most = folder, most_bytes

    @contextmanager
    def progress(self, title: str, *, limit_s: float | None = None) -> Iterator[ProgressCallback]:
        last = time.monotonic()

        def check(done: int, total: int, message: str) -> None:
            nonlocal last
            if time.monotonic() - last < _PERIOD_S:
                return
            last = time.monotonic()
            size = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
            if size > self._most:
                got = f"{size} after {done} of {total} models"
                remedy = "ask for a smaller space, or write it with nasweave profile bundle="
                raise ConfigError("bundle", expected=f"at most {self._most} bytes", got=got, remedy=remedy)

        yield check


def bundled(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"done": ...}``, the path of the zip, or ``{"refused": ...}``, the four parts of an error.

    Parameters
    ----------
    asked
        ``document``, ``dataset``, ``outputs`` and ``data_root`` as :mod:`runs.app.jobs.checking` takes them;
        ``folder``, an empty one in which the bundle is written; ``most_bytes``, of its files.
    """
    folder = Path(asked["folder"])
    try:
        context = opened(asked, reporter=_Bounded(folder, asked["most_bytes"]))
        setting = context.setting
        name = f"bundle_{context.config.task.name}_{setting.runtime}_t{setting.threads}"
        profile = replace(context.config.profile, bundle=str(folder / name))
        written = export_bundle(replace(context, config=replace(context.config, profile=profile)))
        return {"done": str(_packed(written))}
    except NasweaveError as error:
        return {"refused": refused(error, asked)}
    except OSError as error:
        expected, got = "a disk with free space that the server can write", error.strerror or type(error).__name__
        return {
            "refused": problem.parts(parameter="bundle", expected=expected, got=got, remedy="tell the administrator")
        }


def _packed(folder: Path) -> Path:
    """Pack a folder into a zip beside it."""
    packed = folder.with_name("bundle.zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))
    return packed


def main() -> None:
    """Answer once."""
    os.nice(_NICER)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    print(json.dumps(bundled(json.loads(sys.stdin.readline()))), file=answers, flush=True)


if __name__ == "__main__":
    main()
