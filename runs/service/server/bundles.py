"""Bundles for devices: written one at a time by a process of its own, and kept for an hour to be downloaded."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from runs.service.document import problem
from runs.service.server.asking import answer_of
from runs.service.server.refusals import Refused

__all__ = ["Bundle", "Bundles"]

_MODULE = "runs.app.jobs.bundling"
_LIMIT_S = 900.0
_MOST_BYTES = 2_000_000_000
_KEPT_S = 3600.0
_MOST_KEPT = 4
_MOST_FAILED = 100
_MAKING = ".making"
_log = logging.getLogger("nasweave.service")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """A bundle that was asked for: ``size_bytes`` of one that is done, the four parts of ``reason`` of a failed one."""

    key: str
    state: Literal["running", "done", "failed"]
    size_bytes: int | None = None
    reason: dict[str, str] | None = None


class Bundles:
    """The bundles of a service, in a folder of its outputs; each is known by what was asked for."""

    def __init__(self, outputs: Path) -> None:
        self._folder = (outputs / "service" / "bundles").resolve()
        self._lock = threading.Lock()
        self._making: str | None = None
        self._process: subprocess.Popen[str] | None = None
        self._failed: OrderedDict[str, dict[str, str]] = OrderedDict()

    def ask(self, asked: Mapping[str, Any]) -> Bundle:
        """Begin to write a bundle unless it is there or in work; ``asked`` is what ``runs.app.jobs.bundling`` reads.

        Raises
        ------
        Refused
            Another one is being written.
        """
        text = json.dumps([version("nasweave"), asked], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        with self._lock:
            self._clean()
            if key != self._making and not self.file(key).is_file():
                if self._making is not None:
                    raise Refused(
                        503,
                        "bundle",
                        expected="one bundle at a time",
                        got="another that is being written",
                        remedy="ask again later",
                    )
                place = self._folder / f"{key}-{secrets.token_hex(4)}{_MAKING}"
                place.mkdir(parents=True)
                self._making = key
                self._failed.pop(key, None)
                question = {**asked, "folder": str(place), "most_bytes": _MOST_BYTES}
                threading.Thread(target=self._make, args=(key, place, question), name="bundle", daemon=True).start()
        found = self.find(key)
        assert found is not None
        return found

    def find(self, key: str) -> Bundle | None:
        """Return a bundle by its key, or ``None`` where there is none any more."""
        if key == self._making:
            return Bundle(key=key, state="running")
        with suppress(FileNotFoundError):
            return Bundle(key=key, state="done", size_bytes=self.file(key).stat().st_size)
        reason = self._failed.get(key)
        return None if reason is None else Bundle(key=key, state="failed", reason=reason)

    def file(self, key: str) -> Path:
        """Return where a bundle lies once it is done."""
        return self._folder / f"{key}.zip"

    def close(self) -> None:
        """End the process that writes a bundle."""
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _make(self, key: str, place: Path, question: Mapping[str, Any]) -> None:
        try:
            answer = answer_of(_MODULE, question, limit_s=_LIMIT_S, began=partial(setattr, self, "_process"))
            if "refused" in answer:
                self._fail(key, answer["refused"])
            else:
                os.replace(answer["done"], self.file(key))
        except TimeoutError:
            self._fail(key, _reason(f"a bundle that is written within {_LIMIT_S:g} s", "a longer one"))
        except EOFError as error:
            _log.warning("writing a bundle ended with code %s", error)
            self._fail(key, _reason("a process that lives until the bundle is written", "one that ended early"))
        except OSError as error:
            _log.exception("writing a bundle failed")
            got = error.strerror or type(error).__name__
            self._fail(key, _reason("a disk with free space that the server can write", got))
        finally:
            shutil.rmtree(place, ignore_errors=True)
            self._making = self._process = None

    def _fail(self, key: str, reason: dict[str, str]) -> None:
        self._failed[key] = reason
        if len(self._failed) > _MOST_FAILED:
            self._failed.popitem(last=False)

    def _clean(self) -> None:
        """Remove bundles that are old or too many, and what a server that was killed has left."""
        found = sorted(self._folder.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
        for place, path in enumerate(found):
            if place >= _MOST_KEPT or time.time() - path.stat().st_mtime > _KEPT_S:
                path.unlink(missing_ok=True)
        for left in self._folder.glob(f"*{_MAKING}"):
            if time.time() - left.stat().st_mtime > 2 * _LIMIT_S:
                shutil.rmtree(left, ignore_errors=True)


def _reason(expected: str, got: str) -> dict[str, str]:
    remedy = "ask for a smaller space, or write it with nasweave profile bundle="
    return problem.parts(parameter="bundle", expected=expected, got=got, remedy=remedy)
