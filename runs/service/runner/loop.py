"""The loop of a runner.

It may die at any time: its jobs go on, and the next runner of the host watches over them. What it knows stands in the
database, but for the processes that it started itself, whose end it notices at once.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import time
import uuid
from functools import cached_property
from types import FrameType

import psutil

from runs.service.runner.machine import abilities, lacking
from runs.service.runner.processes import end_group, is_there, start
from runs.service.settings import RunnerSettings
from runs.service.work import log_file
from runs.store.database import Database
from runs.store.failures import UnreachableError
from runs.store.service.datasets import Datasets
from runs.store.service.jobs import Jobs
from runs.store.service.records import Job
from runs.store.service.runners import Runners
from runs.store.service.submissions import Submissions

__all__ = ["Runner", "run"]

_PERIOD_S = 0.5
_log = logging.getLogger("nasweave.service")


class Runner:
    """A runner on one machine.

    Parameters
    ----------
    database, settings
        Where jobs come from, and how the runner is set.
    """

    def __init__(self, database: Database, settings: RunnerSettings) -> None:
        self._settings = settings
        self.host = settings.host or socket.gethostname()
        self.name = settings.name or f"{self.host}-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self._jobs, self._runners, self._datasets = Jobs(database), Runners(database), Datasets(database)
        self._submissions = Submissions(database)
        self._keys: dict[int, str] = {}  # of runs, by their rows
        self._started: dict[int, tuple[Job, subprocess.Popen[bytes]]] = {}
        self.ending = False

    @cached_property
    def _able(self) -> dict[str, object]:
        return abilities(self._settings)

    def join(self) -> None:
        """Become one of the service's runners."""
        self._runners.join(self.name, host=self.host, abilities=self._able)

    def leave(self) -> None:
        """End; jobs go on."""
        self._runners.leave(self.name)

    def turn(self) -> bool:
        """Do what there is to do now; False when the runner has to end."""
        draining = self._runners.beat(self.name)
        self._reap()
        self._put_back()
        while not draining and len(self._started) < self._settings.slots and self._take():
            pass
        return not (self.ending or (draining and not self._started))

    def _take(self) -> bool:
        job = self._jobs.claim(runner=self.name, host=self.host, lacks=self._lacks)
        if job is None:
            return False
        run = self._submissions.by_id(job.submission_id)
        try:
            process = start(job, run.key, self._settings)
        except OSError as error:  # a full disk, or a folder that is not this user's
            self._jobs.died(job.id, job.attempt, how=str(error))
            _log.warning("run %s: job %d does not begin: %s", run.key, job.id, error)
            return False
        self._jobs.beat(job.id, job.attempt, process=process.pid)
        self._started[job.id] = (job, process)
        _log.info("run %s: job %d (%s) begins as process %d", run.key, job.id, job.verb, process.pid)
        return True

    def _lacks(self, job: Job) -> str | None:
        """Return what this machine lacks for a job, in words that name none of its places."""
        if (ability := lacking(job, self._able)) is not None:
            return ability
        name = job.needs.get("dataset")
        if name is not None:
            data = self._datasets.get(str(name))
            if data is None:
                return f"the data set {name}, which is removed: register it again, or stop the run"
            if not os.access(str(data.options.get("path", "")), os.R_OK):
                return f"the files of the data set {name}, at the place where they are registered"
        key = self._keys.get(job.submission_id) or self._submissions.by_id(job.submission_id).key
        self._keys[job.submission_id] = key
        if not os.access(log_file(self._settings.folder, key), os.W_OK):
            return f"the server's folder of outputs: its own has no service/{key}.log, or may not write it"
        return None

    def _reap(self) -> None:
        """Note which of the processes started here have ended."""
        for number, (job, process) in list(self._started.items()):
            code = process.poll()
            if code is None:
                continue
            end_group(process.pid)
            if self._jobs.died(number, job.attempt, how=_how(code)):
                _log.warning("job %d ended early: %s", number, _how(code))
            del self._started[number]

    def _put_back(self) -> None:
        """Put back what nobody works on: of this host when its process is gone, of others when it is silent."""
        silent = {job.id for job in self._jobs.silent(self.name)}
        for job in self._jobs.active():
            if job.state != "running" or job.id in self._started:
                continue
            here = job.host == self.host
            if here and job.process is not None and not is_there(job):
                end_group(job.process)
                self._jobs.died(job.id, job.attempt, how="its process is gone")
            elif job.id in silent:
                if here and job.process is not None:
                    end_group(job.process)
                self._jobs.died(job.id, job.attempt, how="no sign of life")


def run(settings: RunnerSettings) -> None:
    """Take jobs until the process is told to end, or is drained; an outage of the database is waited for.

    Raises
    ------
    StoreError
        The database cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="nasweave runner: %(message)s")
    _log.setLevel(logging.INFO)
    with Database.open(settings.url) as database:
        runner = Runner(database, settings)

        def end(number: int, frame: FrameType | None) -> None:
            runner.ending = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        runner.join()
        is_lost, goes_on = False, True
        while goes_on and (settings.watch == 0 or psutil.pid_exists(settings.watch)):
            try:
                goes_on = runner.turn()
                is_lost = False
            except UnreachableError as error:
                goes_on = not runner.ending
                if not is_lost:
                    _log.warning("%s", error)
                is_lost = True
            time.sleep(_PERIOD_S)
        runner.leave()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
