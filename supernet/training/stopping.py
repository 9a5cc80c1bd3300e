"""Leave a training between two of its steps, so that a checkpoint can be written of a state that is whole.

Ctrl-C and SIGTERM come in the middle of a step, where weights and moments do not belong together. They are held back
until the step is done, and then do what they did before: raise, or end the process.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["held_back"]


@contextmanager
def held_back(*, enabled: bool = True) -> Iterator[Callable[[], bool]]:
    """Hold both signals back in this block, and give what tells whether one came; a second one is not held back.

    Nothing is held back outside of the main thread, which alone hears signals, or where one is ignored.
    """
    held: list[int] = []
    before: dict[signal.Signals, signal._HANDLER] = {}

    def hold(number: int, frame: FrameType | None) -> None:
        if held:
            held.clear()
            _restore(before)
            signal.raise_signal(number)
        else:
            held.append(number)

    if enabled and threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler not in (None, signal.SIG_IGN):
                before[number] = handler
                signal.signal(number, hold)
    try:
        yield lambda: bool(held)
    finally:
        _restore(before)
        if held:
            signal.raise_signal(held[0])


def _restore(before: dict[signal.Signals, signal._HANDLER]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
