"""The names that a request may hold: they lead to no other folder, and no composition reads anything into them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

__all__ = ["KEY", "NAME", "DeviceName", "DurationText", "Key", "Name", "is_device", "is_name"]

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
KEY = r"^[a-z0-9]{1,64}$"
_DEVICE = r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$"  # as measured profiles are called, after versions of runtimes
_DURATION = r"^[0-9]{1,6}(\.[0-9]{1,3})?[smh]$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""The name of a run, a data set or a runner."""

DeviceName = Annotated[str, StringConstraints(pattern=_DEVICE)]
"""The name of a profile of a device."""

Key = Annotated[str, StringConstraints(pattern=KEY)]
"""The key of a run or a network, or one of the words auto, knee, best, fastest."""

DurationText = Annotated[str, StringConstraints(pattern=_DURATION)]
"""A time such as 90s, 5m or 1h."""


def is_name(text: str) -> bool:
    """Whether a text is a name."""
    return re.fullmatch(NAME[1:-1], text) is not None


def is_device(text: str) -> bool:
    """Whether a text is the name of a profile."""
    return re.fullmatch(_DEVICE[1:-1], text) is not None
