"""Leave a training between two of its steps, so that a checkpoint can be written of a state that is whole.

Ctrl-C and SIGTERM come in the middle of a step, where weights and moments do not belong together. They are held back
until the step is done, and then do what they did before: raise, or end the process.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

__all__ = ["answered", "held_back"]


@contextmanager
def answered(answer: Callable[[int, Callable[[], None]], None]) -> Iterator[None]:
    """Let ``answer`` take both signals in this block.

    It is called with the number of a signal and with what puts back what both did before, which the end of the block
    does too. Nothing changes outside of the main thread, which alone hears signals, or where a signal is ignored.
    """
    before: dict[signal.Signals, signal._HANDLER] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hear(number: int, frame: FrameType | None) -> None:
        answer(number, restore)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler not in (None, signal.SIG_IGN):
                before[number] = handler
                signal.signal(number, hear)
    try:
        yield
    finally:
        restore()


@contextmanager
def held_back(*, enabled: bool = True) -> Iterator[Callable[[], bool]]:
    """Hold both signals back in this block, and give what tells whether one came; a second one is not held back."""
    held: list[int] = []

    def hold(number: int, restore: Callable[[], None]) -> None:
        if held:
            held.clear()
            restore()
            signal.raise_signal(number)
        else:
            held.append(number)

    try:
        with answered(hold) if enabled else nullcontext():
            yield lambda: bool(held)
    finally:
        if held:
            signal.raise_signal(held[0])
