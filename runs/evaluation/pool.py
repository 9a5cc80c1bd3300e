"""Train several networks at once, each in a process of one thread: small networks are bound by calls, not arithmetic.

What comes out does not depend on the number of processes. They end with the process that began them, even where it is
killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import torch
from joblib import Parallel, delayed

from runs.evaluation.rounds import RoundsEvaluator
from runs.search.errors import SearchError
from search_space import Architecture
from search_space.errors import CheckpointError, NasweaveError
from supernet.training import Quality
from supernet.training.stopping import answered

__all__ = ["Round", "RoundsPool", "available_cores"]

_LOOK_S = 1.0
_SAVE_S = 10.0  # of the half minute or more that schedulers give
_Results = Generator[Quality | NasweaveError, None, None]
_known: Sequence[RoundsEvaluator] = ()  # to a process of the pool


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """One round of training: a network, the steps that it has afterwards, and the donor of its first weights."""

    architecture: Architecture
    steps: int
    donor: Architecture | None = None


class RoundsPool:
    """Processes that train networks; a context manager.

    Parameters
    ----------
    rounds
        What trains them.
    processes
        How many at a time; with one this process trains.
    among
        All that train in this run, one after the other: pools of the same ones are the same processes, of which each
        takes seconds to start.
    """

    def __init__(
        self, rounds: RoundsEvaluator, *, processes: int, among: Sequence[RoundsEvaluator] | None = None
    ) -> None:
        self.rounds, self.processes = rounds, processes
        self._among = (rounds,) if among is None else tuple(among)
        self._place = self._among.index(rounds)
        self._parallel: Parallel | None = None

    def __enter__(self) -> RoundsPool:
        if self.processes > 1:
            made = Parallel(
                n_jobs=self.processes,
                backend="loky",
                batch_size=1,
                pre_dispatch=self.processes,  # the next round is asked for when there is a process for it
                return_as="generator",
                max_nbytes=None,
                initializer=_begin,
                initargs=(self._among, os.getpid()),
            )
            self._parallel = made.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._parallel is not None:
            self._parallel.__exit__(kind, error, traceback)
            self._parallel = None

    def train(self, wanted: Sequence[Round]) -> list[Quality | NasweaveError]:
        """Return the quality of each network after its round, or why its training failed, in order.

        Raises what :meth:`each` raises.
        """
        alone = self._parallel is None or len(wanted) < 2
        return list(self._here(wanted) if alone else self.each(wanted))

    def each(self, wanted: Iterable[Round]) -> Iterator[Quality | NasweaveError]:
        """Yield the quality of each network after its round, or why its training failed, in order.

        A round is taken from ``wanted`` when a process is free for it.

        Raises
        ------
        CheckpointError
            A checkpoint cannot be written or read, which has nothing to do with the network.
        SearchError
            A process of the pool was killed.
        """
        if self._parallel is None:
            yield from self._here(wanted)
            return
        try:
            with (
                _told_to_processes(),
                _closed(self._parallel(delayed(_train_here)(self._place, one) for one in wanted)) as results,
            ):
                for result in results:
                    yield _unless_lost(result)
        except BrokenProcessPool as error:
            raise SearchError(
                "search.fidelities.processes",
                expected=f"{self.processes} processes that train at a time",
                got="one that was killed, perhaps for want of memory",
                remedy="take fewer processes; the same command goes on where it stopped",
            ) from error

    def _here(self, wanted: Iterable[Round]) -> Iterator[Quality | NasweaveError]:
        for one in wanted:
            with _one_thread():
                result = _train(self.rounds, one)
            yield _unless_lost(result)


def available_cores() -> int:
    """Return the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _closed(results: _Results) -> Iterator[_Results]:
    """Close what is left of the results, without joblib's warning of the rounds that end with it."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


@contextmanager
def _told_to_processes() -> Iterator[None]:
    """On Ctrl-C or SIGTERM let the processes of the pool save what they train, before it does what it did before."""

    def tell(number: int, restore: Callable[[], None]) -> None:
        restore()  # a second signal does not wait
        end = time.monotonic() + _SAVE_S
        trainers = [child for child in multiprocessing.active_children() if child.name.startswith("LokyProcess")]
        for trainer in trainers:
            trainer.terminate()
        while any(trainer.is_alive() for trainer in trainers) and time.monotonic() < end:
            time.sleep(0.05)
        signal.raise_signal(number)

    with answered(tell):
        yield


def _begin(known: Sequence[RoundsEvaluator], parent: int) -> None:
    global _known
    torch.set_num_threads(1)
    _known = known
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: the parent tells when to end
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(128 + number))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent has: a killed one would leave it in training beside the next command."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def _unless_lost(result: Quality | NasweaveError) -> Quality | NasweaveError:
    if isinstance(result, CheckpointError):
        raise result
    return result


def _train_here(place: int, wanted: Round) -> Quality | NasweaveError:
    return _train(_known[place], wanted)


def _train(rounds: RoundsEvaluator, wanted: Round) -> Quality | NasweaveError:
    try:
        return rounds.train(wanted.architecture, steps=wanted.steps, donor=wanted.donor)
    except NasweaveError as error:
        return error
