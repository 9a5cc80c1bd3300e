"""The keys that a user may set, and how Hydra is told their values, whatever characters these have.

Hydra reads values by a grammar of its own, in which ``(1)``, ``#``, ``=`` and quotes have meanings. Here the type of
the key decides: a text is passed on in quotes, as the shell gave it.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from runs.app.arguments import Override, elements
from runs.app.schema.literals import literal, quoted
from runs.app.schema.renamed import current_key
from runs.app.schema.typed import hints_by_key, nearest
from runs.pipeline.config import Config
from search_space.errors import ConfigError

__all__ = ["hydra_word", "no_option", "swept", "value_text"]

_LAUNCHER = "hydra/launcher"
_PLAIN = re.compile(r"[\w./\-+$%*|?:@ ]*", re.ASCII)
_FUNCTION = re.compile(r"(?:choice|range|interval|glob|shuffle|sort|tag|int|float|str|bool)\(.*\)", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_PATHS = re.compile(r"task\.options\.(?:\w*_)?path")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    text: bool = False
    texts: bool = False
    optional: bool = False


@cache
def _hints() -> Mapping[str, Any]:
    return dict(hints_by_key(Config))


def _kind(key: str) -> _Kind | None:
    """Return how the values of a key are read; ``None`` for an unknown key."""
    hint = _hints().get(key)
    if hint is None:
        parent = next((p for p in _parents(key) if typing.get_origin(_hints().get(p)) in (dict, Mapping)), None)
        if parent is None:  # a whole group of keys, such as budget={...}, or nothing that there is
            return _Kind() if any(known.startswith(f"{key}.") for known in _hints()) else None
        hint = str if _PATHS.fullmatch(key) else typing.get_args(_hints()[parent])[1]
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return _Kind(text=set(arguments) == {str, types.NoneType}, optional=types.NoneType in arguments)
    return _Kind(text=hint is str, texts=typing.get_origin(hint) is tuple and arguments[0] is str)


def _parents(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]


def swept(override: Override) -> bool:
    """Whether an override gives several values, of which each run of a multirun takes one."""
    value = override.value or ""
    return len(elements(value)) > 1 or bool(re.match(r"(?:choice|range|glob|shuffle|sort|interval)\(", value))


def hydra_word(override: Override, *, multirun: bool, groups: Mapping[str, Collection[str]]) -> str:
    """Return an override as Hydra reads it.

    Parameters
    ----------
    override
        What the user typed.
    multirun
        Whether commas part values that are run each.
    groups
        The groups that options are chosen from, with these options.

    Raises
    ------
    ConfigError
        The key or the option is unknown, or may not be set.
    """
    if override.key == _LAUNCHER:
        return _as_typed(override)
    if override.key in groups:
        _check_option(override, groups[override.key], multirun=multirun)
        return _as_typed(override)
    if override.key.startswith(("hydra.", "hydra/")) or override.key == "hydra":
        return _launcher_word(override)
    override = replace(override, key=current_key(override.key))
    kind = _kind(override.key)
    if kind is None:
        raise _unknown(override, groups)
    if override.prefix == "~" or override.value is None:
        return f"~{override.key}"
    value = override.value
    parts = elements(value) if multirun else [value]
    if not multirun and not kind.text and len(elements(value)) > 1 and not override.key.startswith("task.options."):
        raise ConfigError(
            override.key,
            expected="one value",
            got=repr(value),
            remedy="add -m to run each of them, or write [...] for a list",
        )
    parts = [_rendered(part, kind, multirun=multirun) for part in parts]
    parent, _, leaf = override.key.rpartition(".")
    if "@" in leaf:  # which Hydra would read as the sign of a package
        return f"++{parent}={','.join(f'{{{leaf}:{part}}}' for part in parts)}"
    return f"++{override.key}={','.join(parts)}"


def value_text(key: str, value: object) -> str:
    """Return a value of Python as a user types it for a key."""
    kind = _kind(key)
    as_it_is = isinstance(value, str) and kind is not None and kind.text
    return str(value) if as_it_is and value != "null" and not _QUOTED.fullmatch(str(value)) else literal(value)


def no_option(group: str, option: str, options: Collection[str]) -> ConfigError:
    """Return the refusal of what is no option of a group."""
    close = nearest(option, options)
    return ConfigError(
        group,
        expected=f"one of {', '.join(options)}",
        got=repr(option),
        remedy="choose one of them" if close is None else f"write {group}={close}",
    )


def _check_option(override: Override, options: Collection[str], *, multirun: bool) -> None:
    """Raise ``ConfigError`` for what is no option of a group, several or one, where it can be told."""
    value = override.value
    if value is None or (multirun and _FUNCTION.fullmatch(value)):
        return
    for option in elements(value) if multirun else [value]:
        if option.strip("'\"") not in options:
            raise no_option(override.key, option, options)


def _launcher_word(override: Override) -> str:
    parts = override.key.split(".")
    if parts[:2] != ["hydra", "launcher"] or len(parts) < 3 or any(part.startswith("_") for part in parts):
        raise ConfigError(
            override.key,
            expected="a setting of Hydra that nasweave passes on: hydra/launcher=NAME, hydra.launcher.SETTING=VALUE",
            got=repr(override.key),
            remedy="leave it out",
        )
    return _as_typed(override)


def _as_typed(override: Override) -> str:
    value = "" if override.value is None else f"={override.value}"
    return f"{override.prefix}{override.key}{value}"


def _unknown(override: Override, groups: Collection[str]) -> ConfigError:
    close = nearest(override.key, [*_hints(), *groups])
    value = "" if override.value is None else f"={override.value}"
    if close is None:
        top = sorted({known.partition(".")[0] for known in _hints()} | set(groups))
        remedy = f"the keys begin with {', '.join(top)}; nasweave VERB --help shows them"
        return ConfigError(override.key, expected="a key of the configuration", got=repr(override.key), remedy=remedy)
    return ConfigError(override.key, expected=close, got=repr(override.key), remedy=f"write {close}{value}")


def _rendered(value: str, kind: _Kind, *, multirun: bool) -> str:
    if _QUOTED.fullmatch(value) or (multirun and _FUNCTION.fullmatch(value)) or (kind.optional and value == "null"):
        return value
    if kind.texts and value.startswith("[") and value.endswith("]"):
        items = [item.strip() for item in elements(value[1:-1])] if value[1:-1].strip() else []
        return f"[{','.join(item if _QUOTED.fullmatch(item) else quoted(item) for item in items)}]"
    if kind.text:
        return quoted(value)
    if value.startswith(("[", "{")) or "${" in value or _FUNCTION.fullmatch(value):
        return value
    return value if value and value == value.strip() and _PLAIN.fullmatch(value) else quoted(value)
