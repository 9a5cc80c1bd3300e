"""``python -m runs.app.jobs JOB ATTEMPT outputs=... data_root=...``: what a runner starts for a job."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import PurePosixPath
from typing import Any

from runs.app.jobs.pulse import Pulse
from runs.reporter import Reporter
from runs.service.document import problem
from runs.service.settings import STORE_VARIABLE
from runs.store.database import Database
from runs.store.failures import UnreachableError
from runs.store.secrets import redacted
from runs.store.service.datasets import Datasets
from runs.store.service.jobs import Jobs
from runs.store.service.records import WORKER, Job, State
from runs.store.service.submissions import Submissions
from search_space.errors import ConfigError, NasweaveError

_PATIENCE_S = 300.0


def main() -> int:
    """Do one attempt at a job; returns the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background does not inherit
    number, attempt = int(sys.argv[1]), int(sys.argv[2])
    places = dict(word.split("=", 1) for word in sys.argv[3:])
    with Database.open(os.environ[STORE_VARIABLE]) as database:
        jobs = Jobs(database)
        pulse = Pulse(jobs, number, attempt)
        job = jobs.get(number)
        if job is None or not pulse.begin():
            if job is not None and pulse.is_stopped:
                jobs.finish(number, attempt, "stopped")
            return 0
        state, reason = _outcome(database, job, places, pulse)
        if not pulse.is_replaced:
            _finish(jobs, job, state, reason)
        pulse.end()
    return 0


def _outcome(database: Database, job: Job, places: dict[str, str], pulse: Pulse) -> tuple[State, dict[str, Any]]:
    """Do the work, and return how it ended."""
    try:
        _work(database, job, places)
        return "done", {}
    except KeyboardInterrupt:
        return ("stopped", {}) if pulse.is_stopped else ("queued", {"how": "interrupted"})
    except UnreachableError:
        return "queued", {"how": "the database was away"}
    except NasweaveError as error:
        print(f"nasweave: {redacted(str(error))}", file=sys.stderr)
        return "failed", dict(problem.of_error(error))
    except Exception as error:
        print(redacted(traceback.format_exc(), url=os.environ[STORE_VARIABLE]), end="", file=sys.stderr)
        return "failed", {
            "parameter": job.verb,
            "expected": "a run that ends without an error of the program",
            "got": type(error).__name__,
            "remedy": "the end of the log shows where: please report it",
        }


def _work(database: Database, job: Job, places: dict[str, str]) -> None:
    from runs.app.compose import compose_words, hydra_words, overrides_of
    from runs.app.execute import execute
    from runs.app.jobs.configuration import overrides
    from runs.app.jobs.telling import TellingReporter
    from runs.service.document.model import RunDocument
    from runs.service.work import job_of

    submissions = Submissions(database)
    run = submissions.by_id(job.submission_id)
    document = RunDocument.model_validate(run.document)
    dataset = None
    if document.dataset is not None:
        dataset = Datasets(database).get(document.dataset)
        if dataset is None:
            raise ConfigError(
                "dataset",
                expected="a registered data set",
                got=f"{document.dataset!r}, which is no more",
                remedy="register it again",
            )
    source = None if document.fork is None else submissions.get(document.fork)
    asked = overrides(
        document,
        name=PurePosixPath(run.folder).name,
        outputs=places["outputs"],
        data_root=places["data_root"],
        dataset=dataset,
        fork=None if source is None else PurePosixPath(source.folder).name,
        export=job.arguments if job.verb == "export" else None,
    )
    if document.search.workers > 1 and document.search.method == "fidelities":
        processes = max(1, (os.cpu_count() or 1) // int(places.get("slots", 1)))  # slots of a machine share its cores
        asked += overrides_of({"search.fidelities.processes": processes})
    composed = compose_words(hydra_words(asked, config_dir=None))
    print(f"== {job.verb} of run {run.key}, job {job.id}, attempt {job.attempt}", flush=True)

    def began(title: str) -> None:
        if title == "search" and document.search.workers > 1:
            jobs, further = Jobs(database), job_of(document, verb=WORKER)
            jobs.share(job.id, job.attempt, further, workers=document.search.workers - 1)

    def told_to(terminal: Reporter) -> Reporter:  # the workers of a search need not tell its progress as well
        return terminal if job.verb == WORKER else TellingReporter(submissions, run.id, terminal, began=began)

    execute(job.verb, composed, overrides=asked, swept={}, told_to=told_to)


def _finish(jobs: Jobs, job: Job, state: State, reason: dict[str, Any]) -> None:
    """Write how the job ended; a database that is away is waited for."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            jobs.finish(job.id, job.attempt, state, reason)
            return
        except UnreachableError:
            if time.monotonic() > end:
                raise
            time.sleep(1.0)


if __name__ == "__main__":
    sys.exit(main())
