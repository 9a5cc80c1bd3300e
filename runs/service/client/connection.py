"""A connection to a service: what is asked of it as a whole, and its runs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runs.service.client.requests import Requests, ServiceError
from runs.service.client.run import RemoteRun
from runs.service.client.unpacking import unpacked
from search_space.errors import ConfigError

__all__ = ["Connection", "connect"]

_PERIOD_S = 1.0
_TRIES = 5
_UPLOAD_TIMEOUT_S = 600.0


def connect(url: str, token: str | None = None) -> Connection:
    """Return a connection to a service, which was asked whether it knows the token.

    Parameters
    ----------
    url
        Such as ``http://127.0.0.1:8765``.
    token
        As ``nasweave token`` prints it; that of the environment, ``NASWEAVE_TOKEN``, when ``None``.

    Raises
    ------
    ServiceError
        There is no service, or it does not know the token.
    """
    connection = Connection(Requests(url, token))
    connection.me()
    return connection


class Connection:
    """A service."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def __repr__(self) -> str:
        return f"Connection({self._requests.url!r})"

    def me(self) -> dict[str, Any]:
        """Return whom the token belongs to, and what it permits."""
        found: dict[str, Any] = self._requests.json("GET", "/me")
        return found

    def submit(self, document: Mapping[str, Any]) -> RemoteRun:
        """Ask for a run, once: a request whose answer is lost is repeated, and gives the same run.

        Parameters
        ----------
        document
            As ``GET /api/v1/schema`` describes it: ``{"task": "digits", "budget": {"latency_ms": 0.05}}``.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for left in reversed(range(_TRIES)):
            try:
                made = self._requests.json("POST", "/runs", body=dict(document), headers=headers)
                return RemoteRun(self._requests, made["key"])
            except ServiceError as error:
                if not left or error.status not in (0, 503):
                    raise
                time.sleep(_PERIOD_S)
        raise AssertionError("the last try raises")

    def check(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the corners of a document's space cost, and why no network meets its budget, if none does."""
        found: dict[str, Any] = self._requests.json("POST", "/checks", body=dict(document))
        return found

    def upload(
        self, path: str | Path, *, name: str, task: str, options: Mapping[str, str | float | bool] | None = None
    ) -> dict[str, Any]:
        """Upload a file of data, which documents then name as ``dataset``; returns what it was understood to be.

        Parameters
        ----------
        path
            The file, whose ending says what it is; a ``.zip`` is of a folder of pictures or clips.
        name, task
            A free name, and the task that reads it: csv, image_folder, labelled_series, npz, table or text.
        options
            Options of the task, such as ``{"label": "price"}``.
        """
        path = Path(path)
        query = {"name": name, "task": task, "kind": path.suffix.lower().removeprefix(".")}
        query["options"] = json.dumps(dict(options or {}))
        most = self.me()["upload_bytes"]
        try:
            size, file = path.stat().st_size, path.open("rb")
        except OSError as error:
            raise ConfigError(
                "path", expected="a file", got=f"{str(path)!r} ({error.strerror})", remedy="correct it"
            ) from error
        if size > most > 0:  # a server may close the connection before one that is too large is sent
            file.close()
            raise ConfigError("path", expected=f"at most {most} bytes", got=f"{size} bytes", remedy="send less")
        with file:
            found: dict[str, Any] = self._requests.json(
                "POST", "/datasets", body=file, query=query, timeout_s=_UPLOAD_TIMEOUT_S
            )
        return found

    def runs(self, *, state: str | None = None, owner: str | None = None, limit: int = 50) -> list[RemoteRun]:
        """Return the newest runs."""
        page = self._requests.json("GET", "/runs", query={"state": state, "owner": owner, "limit": limit})
        return [RemoteRun(self._requests, run["key"]) for run in page["runs"]]

    def run(self, key: str) -> RemoteRun:
        """Return a run by its key; raises ``ServiceError`` for an unknown one."""
        found = RemoteRun(self._requests, key)
        found.read()
        return found

    def bundle(self, document: Mapping[str, Any], *, to: str | Path) -> Path:
        """Wait for the bundle that measures a device, download it, and return its folder, a new one inside of ``to``.

        Parameters
        ----------
        document
            With the data, space and setting of the device.
        to
            A folder.

        Raises
        ------
        ServiceError
            The service writes another one at this time, or cannot write this one.
        """
        bundle = self._requests.json("POST", "/bundles", body={"document": dict(document)})
        while bundle["state"] == "running":
            time.sleep(_PERIOD_S)
            bundle = self._requests.json("GET", f"/bundles/{bundle['key']}")
        if bundle["state"] == "failed":
            raise ServiceError(**bundle["reason"])
        with self._requests.open("GET", f"/bundles/{bundle['key']}.zip", timeout_s=_UPLOAD_TIMEOUT_S) as answer:
            return unpacked(answer, Path(to))

    def import_results(self, path: str | Path, document: Mapping[str, Any]) -> dict[str, Any]:
        """Make a profile of the results that a bundle's program wrote; documents then name its ``id``.

        Parameters
        ----------
        path
            The file, ``results.jsonl``.
        document
            With the data, space and device that the bundle was written for.
        """
        try:
            results = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                "path", expected="a file of results", got=f"{str(path)!r} ({error})", remedy="correct it"
            ) from error
        body = {"document": dict(document), "results": results}
        found: dict[str, Any] = self._requests.json("POST", "/devices", body=body)
        return found

    def predict(
        self, device: str, document: Mapping[str, Any], networks: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the latency of networks, given as candidates have their ``architecture``, on a device."""
        body = {"document": dict(document), "networks": [dict(network) for network in networks]}
        found: list[dict[str, Any]] = self._requests.json("POST", f"/devices/{device}/predict", body=body)
        return found

    def devices(self) -> list[dict[str, Any]]:
        """Return the devices whose profiles a document can name."""
        found: list[dict[str, Any]] = self._requests.json("GET", "/devices")
        return found
