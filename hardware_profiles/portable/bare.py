"""A place that holds a few installed packages and nothing else: proof that a program needs no more."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["only_packages"]


@contextmanager
def only_packages(names: Sequence[str]) -> Iterator[Path]:
    """Give a folder with links to these packages, their libraries and metadata, to be put on a process's path.

    A package that is not installed is left out.
    """
    with tempfile.TemporaryDirectory(prefix="nasweave-only-") as folder:
        for name in names:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.origin is None:
                continue
            package = Path(spec.origin).parent
            for part in (package, package.with_name(f"{name}.libs"), *package.parent.glob(f"{name}-*.dist-info")):
                if part.exists():
                    (Path(folder) / part.name).symlink_to(part)
        yield Path(folder)
