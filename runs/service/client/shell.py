"""``nasweave --server URL VERB ...``: the verbs of a service for those who like the shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from runs.service.client.connection import Connection, connect
from runs.service.client.run import RemoteRun
from runs.service.document.words import document_key
from search_space.errors import ConfigError

__all__ = ["document_of", "run_at"]

_VERBS = ("run", "check", "list", "show", "log", "stop", "resume", "export")
_USAGE = (
    "nasweave --server URL run key=value ... | check key=value ... | list | show KEY | log KEY | stop KEY | resume KEY "
    "| export KEY [NETWORK]"
)


def document_of(words: Sequence[str]) -> dict[str, Any]:
    """Return the document that words ``key=value`` ask for; raises ``ConfigError`` for a word that is none."""
    document: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise ConfigError("run", expected="key=value", got=repr(word), remedy="correct it")
        key = document_key(key)
        *parents, last = key.split(".")
        group = document
        for parent in parents:
            group = group.setdefault(parent, {})
            if not isinstance(group, dict):
                raise ConfigError(key, expected="one value", got=repr(word), remedy="give it once")
        group[last] = _value(key, text)
    return document


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(key, expected="a value", got=repr(text[:80]), remedy="correct it") from error


def run_at(words: Sequence[str]) -> None:
    """Do what the words after ``--server`` say.

    Raises
    ------
    NasweaveError
        The words make no sense, or the service refuses.
    """
    if len(words) < 2 or words[1] not in _VERBS:
        got = repr(" ".join(words)) if words else "nothing"
        raise ConfigError("--server", expected=f"an address and one of {', '.join(_VERBS)}", got=got, remedy=_USAGE)
    url, verb, *rest = words
    if verb == "run":
        document = document_of(rest)
        _follow(connect(url).submit(document))
        return
    connection = connect(url)
    if verb == "check":
        _check(connection.check(document_of(rest)))
        return
    if verb == "list":
        _list(connection)
        return
    if not rest or len(rest) > (2 if verb == "export" else 1):
        raise ConfigError(verb, expected="the key of a run", got=repr(" ".join(rest)), remedy=_USAGE)
    run = connection.run(rest[0])
    if verb == "log":
        print(run.log(), end="")
    elif verb == "stop":
        run.stop()
    elif verb == "resume":
        run.resume()
        _follow(run)
    elif verb == "show":
        front = run.front()
        told = run.read()
        print(told["state"])
        for host, lacking in (entry for job in told["jobs"] for entry in job["refusals"].items()):
            print(f"{host} lacks {lacking}")
        print("no network yet" if front.empty else front.to_string())
    else:
        print(run.export(*(rest[1:] or ["auto"]), to="."))


def _follow(run: RemoteRun) -> None:
    print(f"run {run.key}; Ctrl-C leaves it to the service", flush=True)
    for text in run.follow():
        print(text, end="", flush=True)
    print(run.wait())


def _check(found: Mapping[str, Any]) -> None:
    import pandas as pd

    corners = {corner["name"]: corner["values"] for corner in found["corners"]}
    print(pd.DataFrame(corners).assign(limit=pd.Series(found["budget"], dtype=float)).to_string(na_rep=""))
    if found["profile"] is None:
        print("the device was not measured yet: latencies are not known, and limits of them not checked")
    for note in found["notes"]:
        print(note)
    if found["unmet"] is not None:
        unmet = found["unmet"]
        raise ConfigError(unmet["parameter"], expected=unmet["expected"], got=unmet["got"], remedy=unmet["remedy"])


def _list(connection: Connection) -> None:
    for run in connection.runs():
        shown = run.read()
        print(f"{shown['key']}  {shown['state']:8}  {shown['task']:14}  {shown['owner']:12}  {shown['name']}")
