"""What a user may set of a task: declared once, checked from the declaration, and listed in the documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from search_space.errors import ConfigError
from search_space.spec import Scalar
from supernet.readers.words import shown

__all__ = ["Option", "complete"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option of a task.

    Parameters
    ----------
    default
        Its value where a user sets none; its type is the option's.
    meaning
        What it is, for the documents.
    low, high
        The bounds of a number; each number has both.
    why
        Why there is an upper bound.
    choices
        The texts that it may be; empty for any.
    """

    default: Scalar
    meaning: str
    low: float = 0
    high: float | None = None
    why: str = ""
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.is_number and (self.high is None or not self.why):
            raise ValueError(f"{self.meaning}: no bound, or no reason")

    @property
    def is_number(self) -> bool:
        """Whether it is an int or a float."""
        return type(self.default) in (int, float)

    @property
    def range(self) -> str:
        """The values that it may have, in words."""
        if self.is_number:
            assert self.high is not None
            return f"{_number(self.low)} to {_number(self.high)}"
        if isinstance(self.default, bool):
            return "true or false"
        return " or ".join(f"`{choice}`" for choice in self.choices) or "text"

    def checked(self, value: Scalar, *, key: str) -> Scalar:
        """Return a value; raises ``ConfigError`` where its type is another, or it is out of bounds."""
        kind = type(self.default)
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise _refused(key, f"a value of type {kind.__name__}", value)
        if self.is_number:
            assert self.high is not None and isinstance(value, int | float)
            if not self.low <= value <= self.high:  # not a number is neither
                raise _refused(key, f"{self.range}: {self.why}", value)
        elif self.choices and value not in self.choices:
            raise _refused(key, f"one of {', '.join(self.choices)}", value)
        return value


def _refused(key: str, expected: str, value: Scalar) -> ConfigError:
    return ConfigError(f"task.options.{key}", expected=expected, got=shown(_shown(value)), remedy="correct it")


def _shown(value: Scalar) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return f"about {'-' * (value < 0)}10^{int(math.log10(abs(value)))}"  # Python refuses to write very long ones
    return repr(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def complete(options: Mapping[str, Option], given: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
    """Return all options, those that are given and the defaults of the others, which ``None`` means too.

    Raises
    ------
    ConfigError
        For an unknown option, one of the wrong type, or one out of its bounds.
    """
    chosen = {name: option.default for name, option in options.items()}
    for key, value in given.items():
        if key not in options:
            raise ConfigError(
                f"task.options.{key}",
                expected=f"one of {', '.join(sorted(options))}",
                got=shown(repr(key)),
                remedy="remove or correct it",
            )
        if value is not None:
            chosen[key] = options[key].checked(value, key=key)
    return chosen
