"""Processes to kill, without the seconds that their imports take: forked from one that has made them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from runs.app.cli import main

_CONTEXT = get_context("forkserver")


def forked(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Start a process that calls a function."""
    _CONTEXT.set_forkserver_preload(["runs.pipeline.plans", "tests.runs.pipeline.fidelity_bench"])
    process = _CONTEXT.Process(target=_with_environment, args=(dict(os.environ), target, *arguments))
    process.start()
    return process


def ended(process: ForkServerProcess, *, seconds: float = 300) -> int:
    """Wait for the end of a process; returns its exit code, negative for a signal."""
    process.join(seconds)
    assert process.exitcode is not None, "it does not end"
    return process.exitcode


def command_line(folder: Path, *words: str) -> ForkServerProcess:
    """Start the command line in a folder; what it prints is added to the file ``log`` there."""
    return forked(_command_line, folder, words)


def _with_environment(environment: dict[str, str], target: Callable[..., None], *arguments: object) -> None:
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def _command_line(folder: Path, words: tuple[str, ...]) -> None:
    os.chdir(folder)
    log = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["nasweave", *words]
    main()
