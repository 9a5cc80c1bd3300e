"""Processes of jobs: each in a session of its own, which outlives its runner and can be ended as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil

from runs.service.notifying import SECRET_VARIABLE, WEBHOOK_VARIABLE
from runs.service.settings import STORE_VARIABLE, RunnerSettings
from runs.service.work import log_file
from runs.store.service.records import Job

__all__ = ["MODULE", "end_group", "is_there", "start"]

MODULE = "runs.app.jobs"
_OF_SERVERS = (WEBHOOK_VARIABLE, SECRET_VARIABLE)  # which one may have set for all that is started here


def start(job: Job, key: str, settings: RunnerSettings) -> subprocess.Popen[bytes]:
    """Start the process of a job; what it says goes to the log of its run."""
    log = log_file(settings.folder, key)
    log.parent.mkdir(parents=True, exist_ok=True)
    places = {"outputs": settings.outputs, "data_root": settings.data, "slots": settings.slots}
    words = [str(job.id), str(job.attempt), *(f"{name}={value}" for name, value in places.items())]
    environment = {name: value for name, value in os.environ.items() if name not in _OF_SERVERS}
    environment |= {STORE_VARIABLE: settings.url, "PYTHONUNBUFFERED": "1"}
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def is_there(job: Job) -> bool:
    """Whether the process of a job of this host lives; a stranger that was given its number since is not it."""
    if job.process is None:
        return False
    try:
        process = psutil.Process(job.process)
        words = process.cmdline()
        return MODULE in words and str(job.id) in words and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end_group(leader: int) -> None:
    """Kill what is left of the process group of a job."""
    if leader > 1:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
