"""Input after input, each made from its number: half of them configurations, half of them files."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from search_space.errors import ConfigError
from tests.fuzz.damage import in_place
from tests.fuzz.guard import Guard, Outcome
from tests.fuzz.subjects import Subject, subjects
from tests.runs.app.fuzz_keys import NUMBERS, TEXTS, Fuzz, keys

__all__ = ["Limits", "Samples", "tried"]

_NUMBERS: tuple[Any, ...] = (0, -1, 1, 10**10, -(10**30), 2**63, 10**4400, 1e300, float("nan"), 0.5, True, None)
_READY = "ready"


class Samples:
    """The samples of all subjects in a folder, and how one input is made of them.

    Parameters
    ----------
    folder : Path
        An empty folder; what is read and written lies there.
    seed : int
        Makes other inputs of the same numbers.
    only : sequence of str
        Names, or their beginnings, of the subjects to try; all where empty. The configuration is ``keys``.
    """

    def __init__(self, folder: Path, *, seed: int = 0, only: Sequence[str] = ()) -> None:
        self._seed = seed
        self._folder = folder

        def wanted(name: str) -> bool:
            return not only or any(name.startswith(one) for one in only)

        self._subjects = [subject for name, subject in subjects().items() if wanted(name)]
        self._fuzz = Fuzz() if wanted("keys") else None
        self._keys = keys()
        self._options: dict[str, Mapping[str, Any]] = {}

    @property
    def names(self) -> list[str]:
        """All subjects, ``keys`` among them."""
        return [*(["keys"] if self._fuzz else []), *(subject.name for subject in self._subjects)]

    def run(self, number: int, guard: Guard) -> tuple[str, Outcome]:
        """Make an input and try it; return what it was, in words, and what came of it."""
        random = Random(f"{self._seed}:{number}")
        if self._fuzz and (number % 2 == 0 or not self._subjects):
            return self._key(self._fuzz, random, guard)
        turn = number // 2 if self._fuzz else number
        return self._file(self._subjects[turn % len(self._subjects)], random, guard)

    def _key(self, fuzz: Fuzz, random: Random, guard: Guard) -> tuple[str, Outcome]:
        key, value = random.choice(self._keys), random.choice([*NUMBERS, *TEXTS])
        if random.random() < 0.3:
            value = _mixed(value, random)

        def read() -> None:
            wrong = fuzz.failure(key, value)
            if wrong is not None:
                raise AssertionError(wrong)

        return f"{key}={value[:60]!r}", guard.outcome(read)

    def _file(self, subject: Subject, random: Random, guard: Guard) -> tuple[str, Outcome]:
        root = self._folder / "samples" / subject.name.replace(":", "_")
        if subject.name not in self._options:
            root.mkdir(parents=True, exist_ok=True)
            self._options[subject.name] = subject.write(root)
            subject.read(root, self._options[subject.name])  # what is not damaged is read
        options = dict(self._options[subject.name])
        files = sorted(path for path in root.rglob("*") if path.is_file())
        what = subject.name
        if subject.options and (not files or random.random() < 0.2):
            name = random.choice(subject.options)
            options[name] = random.choice([*_NUMBERS, *NUMBERS, *TEXTS])
            what += f" {name}={_shown(options[name])}"
            return what, guard.outcome(lambda: subject.read(root, options))
        if not files:
            raise ConfigError("subject", expected="files or options to change", got=what, remedy="write a sample")
        path = random.choice(files)
        with in_place(path, random):
            return f"{what} {path.relative_to(root)}", guard.outcome(lambda: subject.read(root, options))


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What an input may take.

    Attributes
    ----------
    seconds : float
        An input that takes longer ends its process.
    memory_bytes : int
        What an input's process may take beyond what it begins with.
    """

    seconds: float = 10.0
    memory_bytes: int = 4 * 2**30


def tried(
    numbers: range, *, folder: Path, seed: int = 0, only: Sequence[str] = (), limits: Limits
) -> Iterator[tuple[int, str, Outcome]]:
    """Try inputs in a process of their own, which is started anew when one of them has ended it."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.fuzz.trying"])
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, numbers, folder, seed, tuple(only), limits), daemon=True)
        process.start()
        theirs.close()
        try:
            if not ours.poll(120) or ours.recv() != _READY:
                raise RuntimeError("the process that tries inputs does not begin")
            while numbers:
                what, outcome = ours.recv()
                yield numbers[0], what, outcome
                numbers = numbers[1:]
        except EOFError:
            process.join()
            said = (
                f"the process ended with {process.exitcode}, after {limits.seconds:g} s where a traceback stands above"
            )
            yield numbers[0], "an input", Outcome(answer=said, seconds=limits.seconds, memory_bytes=0)
            numbers = numbers[1:]
        finally:
            process.terminate()
            process.join()
            ours.close()


def _work(results: Connection, numbers: range, folder: Path, seed: int, only: tuple[str, ...], limits: Limits) -> None:
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    own = Path(mkdtemp(dir=folder))
    for name in ("NASWEAVE_CACHE", "XDG_CACHE_HOME", "TMPDIR"):
        os.environ[name] = str(own)
    os.chdir(own)
    samples = Samples(own, seed=seed, only=only)
    guard = Guard(own, seconds=limits.seconds, memory_bytes=limits.memory_bytes)
    results.send(_READY)
    for number in numbers:
        results.send(samples.run(number, guard))


def _mixed(value: str, random: Random) -> str:
    at = random.randrange(len(value) + 1)
    return value[:at] + random.choice([*"[]{}'\",:=$\\#~*()@!&|%", " ", "\n", "\0", "${", "1e9"]) + value[at:]


def _shown(value: object) -> str:
    return "a number of thousands of digits" if value == 10**4400 else ascii(value)[:60]
