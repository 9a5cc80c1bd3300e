"""The memory that is free, asked before it is taken: a process that takes too much vanishes without a line."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil

from search_space.errors import DataError

__all__ = ["available_memory", "require_memory", "size_text"]

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)


def available_memory() -> int:
    """Return the bytes that this process can still take: the least of the machine's, its container's and its own."""
    free = [int(psutil.virtual_memory().available), *(_free_of(*paths) for paths in _CGROUPS)]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        free.append(limit - int(psutil.Process().memory_info().vms))
    return max(0, min(free))


def _free_of(limit: str, used: str, stat: str) -> int:
    """Return what a control group has left, files in its cache not counted; a large number where it has no limit."""
    try:
        most, taken = int(Path(limit).read_text()), int(Path(used).read_text())
        cached = dict(line.split() for line in Path(stat).read_text().splitlines()).get("inactive_file", "0")
    except (OSError, ValueError):  # there is no such group, or its limit is the word max
        return 1 << 62
    return most - taken + int(cached)


def require_memory(needed: int, *, parameter: str, what: str, remedy: str) -> None:
    """Raise ``DataError`` where so many bytes are not free.

    Parameters
    ----------
    parameter, remedy
        As of the error.
    what
        What takes them, as the subject of a clause: ``60,000 pictures of 512 x 512``.
    """
    free = available_memory()
    if needed > free:
        raise DataError(
            parameter,
            expected=f"data that fits the memory that is free, {size_text(free)}",
            got=f"{what}, which takes {size_text(needed)}",
            remedy=remedy,
        )


def size_text(count: int) -> str:
    """Return a number of bytes as people read it: ``3.5 GiB``."""
    size, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:,.3g} {unit}" if size < 1000 else f"{size:,.0f} {unit}"
