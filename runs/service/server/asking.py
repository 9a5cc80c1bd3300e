"""A question to a process of its own, which ends with its answer: the server imports no torch, and is not held up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["answer_of"]


def answer_of(
    module: str,
    asked: Mapping[str, Any],
    *,
    limit_s: float,
    began: Callable[[subprocess.Popen[str]], None] = lambda process: None,
) -> dict[str, Any]:
    """Return what ``python -m module`` says to a question, a line of JSON each.

    Parameters
    ----------
    module, asked
        The program, and what it reads.
    limit_s
        Seconds after which it is killed, with all that it has started.
    began
        Called with the process.

    Raises
    ------
    TimeoutError
        It took longer.
    EOFError
        It ended without an answer; the error holds its code.
    """
    command, pipe = [sys.executable, "-m", module], subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True, text=True)
    began(process)
    try:
        said, _ = process.communicate(json.dumps(asked) + "\n", timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise TimeoutError from error
    if process.returncode or not said:
        raise EOFError(process.returncode)
    answer: dict[str, Any] = json.loads(said)
    return answer
