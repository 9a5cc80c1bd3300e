"""The errors a user can cause: one clear line each, exit code 2.

Our own bugs are ordinary exceptions (an ``assert`` speaks to a type checker alone, for ``python -O`` skips it);
everything here is the user's to mend, so it always says which parameter, what was expected, what came and what to do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = [
    "PARTS",
    "BudgetError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "NasweaveError",
    "ProfileError",
    "RuntimeUnavailableError",
    "SpaceError",
    "StoreError",
    "reason_of",
]


PARTS = ("parameter", "expected", "got", "remedy")
_LONGEST = 1000  # characters of each part


class NasweaveError(Exception):
    """A mistake that the user can mend.

    Parameters
    ----------
    parameter
        What is wrong: a configuration key, a file, a gene.
    expected, got
        What would have been right, and what was received.
    remedy
        What to do next.

    The message is one line that can be printed, whatever is in them: what is endless is cut, and characters that a
    terminal would obey are written as escapes.
    """

    exit_code = 2

    def __init__(self, parameter: str, *, expected: str, got: str, remedy: str) -> None:
        self.parameter, self.expected, self.got, self.remedy = parameter, expected, got, remedy
        name, wanted, came, mend = (_printed(t) for t in (parameter, expected, got, remedy))
        super().__init__(f"{name}: expected {wanted}, got {came}; {mend}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole: launchers of jobs return errors by pickling them."""
        return partial(type(self), self.parameter, expected=self.expected, got=self.got, remedy=self.remedy), ()


def _printed(text: str) -> str:
    """Return a text as a part of one line."""
    line = " ".join(text.split())
    if len(line) > _LONGEST:
        kept, _, last = line[:_LONGEST].rpartition(" ")
        is_url = "://" in last or "password" in last  # half of which could not be told to be secret
        line = f"{kept if is_url else line[:_LONGEST]}... ({len(line)} characters)"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none: what goes into ``got``."""
    return next((line for line in map(str.strip, str(error).splitlines()) if line), type(error).__name__)


class ConfigError(NasweaveError):
    """An override or a configuration value that makes no sense."""


class SpaceError(NasweaveError):
    """A search space or an architecture that is not legal for its task."""


class DataError(NasweaveError):
    """A data set that is missing, malformed or does not fit its task."""


class ProfileError(NasweaveError):
    """A hardware profile that is corrupt, foreign or of another device."""


class RuntimeUnavailableError(NasweaveError):
    """A runtime that is not installed or cannot execute what is asked of it."""


class CheckpointError(NasweaveError):
    """A checkpoint that is truncated, tampered with or of another network."""


class BudgetError(NasweaveError):
    """A budget that nothing in the space can meet."""


class StoreError(NasweaveError):
    """A database that is locked, unreachable, full or of another version."""
