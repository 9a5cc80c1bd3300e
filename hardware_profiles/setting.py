"""How a network is run on a device: with the device and the space, the key of a profile."""

from __future__ import annotations

from dataclasses import dataclass

from search_space.errors import ConfigError
from search_space.schema import file_word, integer, record, table, text

__all__ = ["PROVENANCE", "SETTING", "Setting"]

SETTING = record(
    {"runtime": file_word, "threads": integer(1, 2**16), "batch_size": integer(1, 2**20)},
    may_lack=("threads", "batch_size"),
)
"""The fields of a setting in a file of any origin."""
PROVENANCE = table(text(longest=200), text(longest=2000), most=1000)
"""What such a file may say of how it came about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Runtime, number of threads and number of examples in a batch."""

    runtime: str
    threads: int = 1
    batch_size: int = 1

    def __post_init__(self) -> None:
        for name in ("threads", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(
                    f"setting.{name}", expected="a positive integer", got=repr(value), remedy="correct it"
                )

    def __str__(self) -> str:
        return f"{self.runtime}, {self.threads} thread(s), batch {self.batch_size}"
