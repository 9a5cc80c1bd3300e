"""Hostile inputs to every reader and every key: no traceback, no hang, no gigabytes, no file outside.

``python -m tests.fuzz --inputs 10000 --json`` makes inputs from their numbers and a seed, half of them configurations
and half of them samples with one file or option damaged, and says how they were answered. ``--first 4711 --inputs 1``
tries one again, ``--only table profile`` some readers, ``--minutes`` ends earlier and says how many were tried.
The exit code is 1 where anything failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fuzz.guard import Outcome
from tests.fuzz.trying import Limits, tried

__all__ = ["Summary", "main"]


@dataclass(kw_only=True)
class Summary:
    """What came of all inputs so far.

    Attributes
    ----------
    limits : Limits
        What an input may take.
    answers : Counter
        How many were read, were refused and failed.
    failures : list of str
        An input and what is wrong, each.
    seconds, longest_seconds : float
        What all took together, and the longest; ``longest`` is that input.
    outside : int
        What was written elsewhere, started or unpickled.
    most_memory_bytes : int
        The most that a process held; ``most_memory`` is the input that was tried then.
    """

    limits: Limits
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    outside: int = 0
    longest_seconds: float = 0.0
    longest: str = ""
    most_memory_bytes: int = 0
    most_memory: str = ""

    def add(self, number: int, what: str, outcome: Outcome) -> list[str]:
        """Count an input; returns what is wrong with it."""
        wrong = [] if outcome.answer in ("read", "refused") else [outcome.answer]
        wrong += [f"outside: {one}" for one in outcome.outside]
        if outcome.seconds > self.limits.seconds:
            wrong.append(f"took {outcome.seconds:.1f} s")
        if outcome.memory_bytes > max(self.limits.memory_bytes, self.most_memory_bytes):
            wrong.append(f"took {outcome.memory_bytes:,} bytes")
        self.answers["failed" if wrong else outcome.answer] += 1
        self.seconds += outcome.seconds
        self.outside += len(outcome.outside)
        told = f"{number}: {ascii(what)[1:-1]}"
        if outcome.seconds > self.longest_seconds:
            self.longest_seconds, self.longest = outcome.seconds, told
        if outcome.memory_bytes > self.most_memory_bytes:
            self.most_memory_bytes, self.most_memory = outcome.memory_bytes, told
        found = [f"{told}: {one}" for one in wrong]
        self.failures += found
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        return {
            "inputs": self.answers.total(),
            **{name: self.answers[name] for name in ("read", "refused", "failed")},
            "seconds": round(self.seconds, 1),
            "outside": self.outside,
            "longest_seconds": round(self.longest_seconds, 3),
            "longest": self.longest,
            "most_memory_bytes": self.most_memory_bytes,
            "most_memory": self.most_memory,
            "failures": self.failures,
        }


def main(arguments: list[str] | None = None) -> int:
    """Try inputs, show what fails as it does, and return 1 where anything did."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="makes other inputs of the same numbers (default: 0)")
    parser.add_argument("--minutes", type=float, default=60.0, help="ends when so many have passed (default: 60)")
    parser.add_argument("--only", nargs="*", default=[], help="beginnings of readers' names, or keys")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    given = parser.parse_args(arguments)
    summary, end = Summary(limits=Limits()), time.monotonic() + 60 * given.minutes
    numbers = range(given.first, given.first + given.inputs)
    with TemporaryDirectory(prefix="fuzz") as folder:
        for number, what, outcome in tried(
            numbers, folder=Path(folder), seed=given.seed, only=given.only, limits=summary.limits
        ):
            for line in summary.add(number, what, outcome):
                print(line, file=sys.stderr, flush=True)
            if time.monotonic() > end:
                break
    figures = summary.as_dict()
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        print(", ".join(f"{name} {value}" for name, value in figures.items() if name != "failures"))
    return int(bool(summary.failures))


if __name__ == "__main__":
    sys.exit(main())
