"""How a network is run on a device: with the device and the space, the key of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from search_space.errors import ConfigError
from search_space.schema import file_word, integer, one_of, record, table, text

__all__ = ["PROVENANCE", "SETTING", "Phase", "Setting"]

Phase = Literal["prefill", "decode"]
"""Whole examples at once, a prompt among them; or one more token after it, with what is remembered."""

SETTING = record(
    {
        "runtime": file_word,
        "threads": integer(1, 2**16),
        "batch_size": integer(1, 2**20),
        "phase": one_of(*get_args(Phase)),
        "tokens": integer(0, 2**31),
    },
    may_lack=("threads", "batch_size", "phase", "tokens"),
)
"""The fields of a setting in a file of any origin."""
PROVENANCE = table(text(longest=200), text(longest=2000), most=1000)
"""What such a file may say of how it came about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """How networks run.

    Parameters
    ----------
    runtime, threads, batch_size
        Its name, number of threads, and number of examples in a batch.
    phase
        What is run: whole examples, or the step of a decoder.
    tokens
        Length of these examples, or that the states of the step have room for; 0 for that of the task.
    """

    runtime: str
    threads: int = 1
    batch_size: int = 1
    phase: Phase = "prefill"
    tokens: int = 0

    def __post_init__(self) -> None:
        for name, least in (("threads", 1), ("batch_size", 1), ("tokens", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                expected = f"an integer of at least {least}"
                raise ConfigError(f"setting.{name}", expected=expected, got=repr(value), remedy="correct it")
        if self.phase not in get_args(Phase):
            expected = " or ".join(get_args(Phase))
            raise ConfigError("setting.phase", expected=expected, got=repr(self.phase), remedy="correct it")

    def __str__(self) -> str:
        text = f"{self.runtime}, {self.threads} thread(s), batch {self.batch_size}"
        if self.phase == "decode":
            return f"{text}, decoding one token" + (f" with room for {self.tokens}" if self.tokens else "")
        return f"{text}, {self.tokens} tokens" if self.tokens else text

    @property
    def suffix(self) -> str:
        """What a name of measurements ends in; nothing for whole examples of the task's length."""
        of_length = str(self.tokens) if self.tokens else ""
        return f"-decode{of_length}" if self.phase == "decode" else f"-prompt{of_length}" if of_length else ""

    def to_mapping(self) -> dict[str, str | int]:
        """Return JSON data; what came later is left out at its default, so that files from before stay as they are."""
        told: dict[str, str | int] = {
            "runtime": self.runtime,
            "threads": self.threads,
            "batch_size": self.batch_size,
        }
        later: dict[str, str | int] = {"phase": self.phase, "tokens": self.tokens}
        default = Setting(runtime=self.runtime)
        return told | {name: value for name, value in later.items() if value != getattr(default, name)}
