"""How what a user wrote is put into the words of a message."""

from __future__ import annotations

__all__ = ["counted", "shown"]


def shown(text: str, *, most: int = 60) -> str:
    """Return a text of a user as it is put in a message: in one line, signs that cannot be seen escaped, not long."""
    start = text[: most + 1]
    flat = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in start)
    return flat if len(flat) <= most and len(start) == len(text) else f"{flat[: most - 4]} ..."


def counted(count: int, noun: str) -> str:
    """Return a number of things: ``1 row``, ``1,200 rows``."""
    return f"{count:,} {noun}" + ("s" if count != 1 else "")
