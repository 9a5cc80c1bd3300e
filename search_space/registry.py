"""A registry that finds its members by their file: adding ``mixers/softmax.py`` adds the key ``softmax``.

No list needs an edit. Members from other distributions are found through the entry-point group ``nasweave.<package>``,
so a user's own mixer lives in the user's own package.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from search_space.errors import ConfigError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """The members of a package, imported when first asked for.

    Parameters
    ----------
    package
        Dotted name of the package whose public modules are the members.
    attribute
        Name of the object that every member module defines.
    """

    def __init__(self, package: str, attribute: str) -> None:
        self.package, self.attribute = package, attribute

    @cached_property
    def _sources(self) -> dict[str, EntryPoint | None]:
        path = importlib.import_module(self.package).__path__
        files = [m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")]
        plugins = {e.name: e for e in entry_points(group=f"nasweave.{self.package}")}
        return dict(sorted({**plugins, **dict.fromkeys(files)}.items()))

    def __getitem__(self, key: str) -> T:
        if key not in self._sources:
            raise ConfigError(
                self.package.rpartition(".")[2].rstrip("s"),
                expected=f"one of {', '.join(self)}",
                got=repr(key),
                remedy=f"correct the name or add the file {self.package.replace('.', '/')}/{key}.py",
            )
        source = self._sources[key]
        module = importlib.import_module(f"{self.package}.{key}") if source is None else source.load()
        return cast(T, getattr(module, self.attribute))

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, key: object) -> bool:
        return key in self._sources
