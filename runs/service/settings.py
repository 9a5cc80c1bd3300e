"""How a server and a runner are set: by words of the command line, never by a request."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from search_space.errors import ConfigError, RuntimeUnavailableError

__all__ = [
    "SCOPES",
    "STORE_VARIABLE",
    "DatasetSettings",
    "RunnerSettings",
    "Scope",
    "ServerSettings",
    "TokenSettings",
    "needed_packages",
    "parted",
    "read_words",
]

STORE_VARIABLE = "NASWEAVE_STORE"
"""The variable of the environment that names the database; one with a password belongs there, in no file."""

Scope = Literal["read", "submit", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
S = TypeVar("S", bound="_Places")


def _described(text: str, default: Any) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


def parted(text: str) -> list[str]:
    """Return the names of a text that are parted by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Places:
    outputs: str = _described("folder of all runs, which server and runners share", "outputs")
    data_root: str = _described("folder of the data of tasks; NASWEAVE_DATA names another default", "")
    store: str = _described("database; one with a password belongs into NASWEAVE_STORE", "")

    @property
    def url(self) -> str:
        """The database."""
        return self.store or os.environ.get(STORE_VARIABLE) or f"sqlite:///{self.outputs}/nasweave.db"

    @property
    def data(self) -> str:
        """The folder of the data."""
        return self.data_root or os.environ.get("NASWEAVE_DATA", "data")

    @property
    def folder(self) -> Path:
        """The folder of all runs."""
        return Path(self.outputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings(_Places):
    """How a server is set."""

    host: str = _described("address to listen on; any but this machine's own needs a token first", "127.0.0.1")
    port: int = _described("port; 0 takes a free one", 8765)
    names: str = _described("further names under which browsers know this server, parted by commas", "")
    https: bool = _described("whether a proxy before it speaks HTTPS, so that cookies are sent there alone", False)
    runner: bool = _described("whether a runner is started beside it", True)
    most_active: int = _described("runs that a user may have queued or running", 10)
    most_trials: int = _described("trials of one search", 5000)
    most_steps: int = _described("steps of one training", 100_000)
    most_workers: int = _described("processes that may share one search, on PostgreSQL", 8)
    most_threads: int = _described("threads that a network may run on", 16)
    most_seconds: float = _described("time budget of one run, or of a part of it", 86_400.0)
    upload_bytes: int = _described("bytes of a file of data that a user may upload; 0 permits no uploads", 0)
    owner_bytes: int = _described("bytes that the uploads of one user may take in all", 10_000_000_000)
    accelerators: str = _described("accelerators that may be asked for, parted by commas", "cpu,cuda")

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError("port", expected="from 0 to 65535", got=str(self.port), remedy="correct it")
        for name, value in (("upload_bytes", self.upload_bytes), ("owner_bytes", self.owner_bytes)):
            if value < 0:
                raise ConfigError(name, expected="0 or more bytes", got=str(value), remedy="correct it")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a request may call the server by, without ports."""
        given = parted(self.names.lower())
        return frozenset({*given, *LOOPBACK, "[::1]", self.host.lower(), socket.gethostname().lower()} - {"0.0.0.0"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RunnerSettings(_Places):
    """How a runner is set."""

    name: str = _described("its name; that of the host and the process when empty", "")
    host: str = _described("name of the machine, which runners of one machine share; its own when empty", "")
    accelerators: str = _described("what networks can be trained on here, parted by commas", "cpu")
    slots: int = _described("jobs at a time; one that measures has the machine for itself", 1)
    watch: int = _described("process that the runner ends with, 0 for none", 0)

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ConfigError("slots", expected="1 or more", got=str(self.slots), remedy="correct it")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSettings(_Places):
    """What a token is made for."""

    kind: str = _described("token, or link for a browser, which works once and within a quarter of an hour", "token")
    owner: str = _described("whose it is; of the user who makes it when empty", "")
    scopes: str = _described("what it permits, among read, submit and admin, parted by commas", "read,submit")
    days: int = _described("after which it expires", 90)
    server: str = _described("address of the server, for a link", "http://127.0.0.1:8765")

    def __post_init__(self) -> None:
        if self.kind not in ("token", "link"):
            raise ConfigError("kind", expected="token or link", got=repr(self.kind), remedy="correct it")
        if not parted(self.scopes) or {*parted(self.scopes)} - {*SCOPES}:
            expected = f"some of {', '.join(SCOPES)}"
            raise ConfigError("scopes", expected=expected, got=repr(self.scopes), remedy="correct them")
        if not 1 <= self.days <= 3650:
            raise ConfigError("days", expected="from 1 to 3650", got=str(self.days), remedy="correct it")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSettings(_Places):
    """Which data set is registered."""

    name: str = _described("by which users choose it", "")
    task: str = _described("that reads it: npz, csv, text or image_folder", "")
    path: str = _described("of the data", "")
    options: str = _described("further options of the task, key=value, parted by semicolons", "")
    remove: bool = _described("forget it instead; the data stay", False)


@contextmanager
def needed_packages(verb: str) -> Iterator[None]:
    """Import what a verb of the service needs; raises ``RuntimeUnavailableError`` where a package is missing."""
    try:
        yield
    except ImportError as error:
        raise RuntimeUnavailableError(
            verb, expected="the packages of the service", got=str(error), remedy="pip install 'nasweave[service]'"
        ) from error


def read_words(kind: type[S], words: Sequence[str]) -> S:
    """Return settings from words ``key=value``.

    Raises
    ------
    ConfigError
        A word is none of them, or its value is illegal.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in fields:
            raise ConfigError(
                name, expected=f"key=value with a key among {', '.join(fields)}", got=repr(word), remedy="correct it"
            )
        values[name] = _value(name, text, type(fields[name].default))
    return kind(**values)


def _value(name: str, text: str, kind: type[Any]) -> Any:
    if kind is bool:
        if text not in ("true", "false"):
            raise ConfigError(name, expected="true or false", got=repr(text), remedy="correct it")
        return text == "true"
    try:
        return kind(text)
    except ValueError as error:
        raise ConfigError(name, expected="a number", got=repr(text), remedy="correct it") from error
