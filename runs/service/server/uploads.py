"""What users upload: received into a folder of its own, read by a process of its own, kept if a run can read it."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyio import fail_after, move_on_after, to_thread

from runs.service.server.asking import answer_of
from runs.service.server.refusals import Refused
from runs.service.settings import ServerSettings
from runs.store.service.datasets import Datasets

__all__ = ["Uploads", "drain", "size_of"]

_MODULE = "runs.app.jobs.uploading"
_LIMIT_S = 300.0  # of reading one file
_RECEIVED_S = 600.0  # in which one has to be here: each takes one of the places
_DRAINED_S = 10.0
_MOST_AT_A_TIME = 4
_MOST_DRAINED = 2**26
_OLD_S = 3600.0
_log = logging.getLogger("nasweave.service")


class Uploads:
    """The uploads of a service.

    Parameters
    ----------
    settings, datasets
        How the server is set, and the table of data sets.
    """

    def __init__(self, settings: ServerSettings, datasets: Datasets) -> None:
        self._settings, self._datasets = settings, datasets
        self._folder = (settings.folder / "service" / "datasets").resolve()
        self._places = threading.BoundedSemaphore(_MOST_AT_A_TIME)

    def check_permitted(self, parameter: str) -> None:
        """Raise ``Refused`` where the administrator permits no uploads."""
        if not self._settings.upload_bytes:
            raise Refused(
                403,
                parameter,
                expected="a service that takes uploads",
                got="one that takes none",
                remedy="ask the administrator, who sets upload_bytes= or registers a folder with nasweave dataset",
            )

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Give a new folder, which is removed unless all goes well."""
        if not self._places.acquire(blocking=False):
            raise Refused(
                503, "datasets", expected=f"at most {_MOST_AT_A_TIME} uploads at a time", got="more", remedy="try later"
            )
        folder = self._folder / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._places.release()

    async def receive(self, body: AsyncIterator[bytes], file: Path, *, owner: str) -> None:
        """Write a body to a new file as it comes; raises ``Refused`` for one that is larger than permitted."""
        most, whole = self._settings.upload_bytes, self._settings.owner_bytes
        left = max(0, whole - await to_thread.run_sync(self._datasets.used, owner))
        of_all = f", what is left of {whole} for all uploads of {owner}" if left < most else ""
        size = 0
        try:
            with fail_after(_RECEIVED_S), await to_thread.run_sync(file.open, "xb") as copy:
                async for chunk in body:
                    size += len(chunk)
                    if size > min(most, left):
                        expected, remedy = f"at most {min(most, left)} bytes{of_all}", "send less, or remove a data set"
                        raise Refused(413, "body", expected=expected, got="more", remedy=remedy)
                    await to_thread.run_sync(copy.write, chunk)
        except TimeoutError as error:
            expected, got = f"the whole file within {_RECEIVED_S:g} s", f"{size} bytes"
            raise Refused(408, "body", expected=expected, got=got, remedy="send it over a faster connection") from error
        if not size:
            raise Refused(422, "body", expected="the bytes of a file", got="none", remedy="send the file as the body")

    def read(self, file: Path, *, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ``options`` with which a run reads a file, ``facts`` and ``notes`` of it.

        Raises
        ------
        Refused
            No run can read it, in the words of its reader.
        """
        asked = {"file": str(file), "task": task, "options": dict(options), "data_root": self._settings.data}
        answer = _answer({**asked, "most_bytes": self._settings.upload_bytes})
        if "refused" in answer:
            parts = answer["refused"]
            raise Refused(422, parts["parameter"], expected=parts["expected"], got=parts["got"], remedy=parts["remedy"])
        return answer

    def remove(self, path: Path) -> None:
        """Remove the files of a data set that was uploaded."""
        folder = self._of(path)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def clean(self) -> None:
        """Remove what a server that was killed has left: folders of no data set that are not new."""
        kept = {self._of(Path(str(data.options.get("path", "")))) for data in self._datasets.list()}
        for folder in self._folder.glob("*"):
            if folder not in kept and time.time() - folder.stat().st_mtime > _OLD_S:
                shutil.rmtree(folder, ignore_errors=True)

    def _of(self, path: Path) -> Path | None:
        """Return the folder of an upload in which a path lies, ``None`` for a path elsewhere."""
        inside = [parent for parent in path.parents if parent.parent == self._folder]
        return inside[0] if inside else None


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the process that reads says to a question."""
    try:
        return answer_of(_MODULE, asked, limit_s=_LIMIT_S)
    except TimeoutError as error:
        raise _unreadable(f"one that takes longer than {_LIMIT_S:g} s") from error
    except EOFError as error:
        _log.warning("reading an upload ended with code %s", error)
        raise _unreadable("one at which the process that reads it ended, which may need more memory") from error


async def drain(body: AsyncIterator[bytes]) -> None:
    """Take what is left of a body that is refused, up to a limit: many clients read no answer before it is sent."""
    left = _MOST_DRAINED
    with move_on_after(_DRAINED_S):
        async for chunk in body:
            left -= len(chunk)
            if left < 0:
                return


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _unreadable(got: str) -> Refused:
    return Refused(422, "body", expected="a file that this machine can read", got=got, remedy="send a smaller one")
