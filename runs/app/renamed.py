"""Keys of the configuration that earlier versions called otherwise: read, with a warning that says the new name."""

from __future__ import annotations

import sys

__all__ = ["RENAMED", "current"]

RENAMED = {"finetune.race": "finetune.num_configurations"}


def current(argument: str) -> str:
    """Return an override ``key=value`` under the present name of its key."""
    old, sign, value = argument.partition("=")
    if not sign or old not in RENAMED:
        return argument
    print(f"nasweave: {old} is called {RENAMED[old]} now; the old name will be refused one day", file=sys.stderr)
    return f"{RENAMED[old]}={value}"
