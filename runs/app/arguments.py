"""The grammar of a command line: ``nasweave VERB [word ...] [key=value ...] [-m]``, without a thought of Hydra.

A word is a flag of a fixed list, a verb's own word, or an override of a key. What follows the first ``=`` is the value,
as the shell passed it: nothing in it needs quotes of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runs.app.verb import Word
from search_space.errors import ConfigError

__all__ = ["Arguments", "Override", "elements", "parse_arguments"]

_OVERRIDE = re.compile(r"(?P<prefix>\+\+|\+|~)?(?P<key>[A-Za-z][\w.@/-]*)(?:=(?P<value>.*))?", re.DOTALL)
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_SWITCHES = {"-h": "help", "--help": "help", "-m": "multirun", "--multirun": "multirun"}
_WITH_VALUE = {"--cfg": "show", "-c": "show", "--config-dir": "config_dir", "-cd": "config_dir"}
_FLAGS = "--help, --cfg job, --multirun (-m), --config-dir (-cd) DIR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """One key with its new value.

    Parameters
    ----------
    key
        Dotted key of the configuration, or the name of a group.
    value
        The text after ``=``; ``None`` where a key is removed.
    prefix
        ``+`` or ``++`` where the user typed it, ``~`` where the key is removed.
    """

    key: str
    value: str | None
    prefix: str = ""

    def __str__(self) -> str:
        """Return the override as a user types it, without what the shell needs."""
        prefix = self.prefix if self.prefix == "~" else ""
        return f"{prefix}{self.key}" if self.value is None else f"{prefix}{self.key}={self.value}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arguments:
    """A command line that was understood.

    Parameters
    ----------
    overrides
        The keys and values, a verb's own words among them as the keys that they stand for.
    multirun
        Whether every combination of values is run.
    help
        Whether only the help is wanted.
    show
        What ``--cfg`` asks to be printed.
    config_dir
        A folder of the user's own options of groups.
    """

    overrides: tuple[Override, ...] = ()
    multirun: bool = False
    help: bool = False
    show: str | None = None
    config_dir: str | None = None


def parse_arguments(words: Sequence[str], *, verb: str, own: Sequence[Word]) -> Arguments:
    """Return what the words after a verb say.

    Raises
    ------
    ConfigError
        A word is no flag, own word or override.
    """
    named = {word.name: word for word in own if not word.flag}
    switches = {f"--{word.name}": word for word in own if word.flag}
    positional = [word for word in own if word.positional]
    on: set[str] = set()
    given: dict[str, str] = {}
    overrides: list[Override] = []
    rest = iter(words)
    for text in rest:
        if text in switches:
            overrides.append(Override(key=switches[text].key, value="true"))
        elif text in _SWITCHES:
            on.add(_SWITCHES[text])
        elif text.startswith("-"):
            name, value = _flag(text, rest)
            given[name] = value
        else:
            match = _OVERRIDE.fullmatch(text)
            if positional and match is not None and "/" in match["key"] and not match["key"].startswith("hydra/"):
                match = None  # a path, such as outputs/digits/seeds-search.seed=1
            if match is not None and match["prefix"] is None and match["key"] in named and match["value"] is not None:
                overrides.append(Override(key=named[match["key"]].key, value=match["value"]))
            elif match is not None and (match["value"] is not None or match["prefix"] == "~"):
                overrides.append(Override(key=match["key"], value=match["value"], prefix=match["prefix"] or ""))
            elif positional and not text.startswith(("+", "~=")):
                overrides.append(Override(key=positional.pop(0).key, value=text))
            else:
                raise ConfigError(
                    verb,
                    expected=f"key=value{_own_words(own)}",
                    got=repr(text),
                    remedy=f"see nasweave {verb} --help",
                )
    return Arguments(
        overrides=tuple(overrides),
        multirun="multirun" in on,
        help="help" in on,
        show=given.get("show"),
        config_dir=given.get("config_dir"),
    )


def _own_words(own: Sequence[Word]) -> str:
    words = [word.name.upper() if word.positional else f"--{word.name}" for word in own if word.positional or word.flag]
    return f", or at most {', '.join(words)}" if words else ""


def _flag(text: str, rest: Iterator[str]) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name not in _WITH_VALUE:
        raise ConfigError("flag", expected=f"one of {_FLAGS}", got=repr(name), remedy="leave it out")
    value = value if equals else next(rest, "")
    if _WITH_VALUE[name] == "show" and value != "job":
        raise ConfigError(name, expected="job", got=repr(value), remedy="write --cfg job")
    if not value:
        raise ConfigError(name, expected="a folder", got="nothing", remedy=f"write {name} DIR")
    return _WITH_VALUE[name], value


def elements(text: str) -> list[str]:
    """Return the parts of a text between its commas, those within quotes and brackets left alone."""
    parts, depth, quote, begin = [], 0, "", 0
    for i, character in enumerate(text):
        if quote:
            quote = "" if character == quote and not _escaped(text, i) else quote
        elif character in "'\"" and _opens(text, i) and character in text[i + 1 :]:
            quote = character
        elif character in _CLOSING and _CLOSING[character] in text[i + 1 :]:
            depth += 1
        elif character in _CLOSING.values():
            depth = max(0, depth - 1)
        elif character == "," and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    return [*parts, text[begin:]]


def _escaped(text: str, position: int) -> bool:
    before = text[:position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _opens(text: str, position: int) -> bool:
    """Whether a quote begins an element: one within a word, as in ``l'été.csv``, is a character like others."""
    before = text[:position].rstrip()
    return not before or before[-1] in ",[{(:"
