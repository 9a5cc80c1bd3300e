"""The errors a user can cause: one clear line each, exit code 2.

Our own bugs are ``assert`` statements and ordinary exceptions; everything here is the user's to mend, so it always says
which parameter, what was expected, what came and what to do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = [
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
    """

    exit_code = 2

    def __init__(self, parameter: str, *, expected: str, got: str, remedy: str) -> None:
        self.parameter, self.expected, self.got, self.remedy = parameter, expected, got, remedy
        line = " ".join(f"{parameter}: expected {expected}, got {got}; {remedy}".split())
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole: launchers of jobs return errors by pickling them."""
        return partial(type(self), self.parameter, expected=self.expected, got=self.got, remedy=self.remedy), ()


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
