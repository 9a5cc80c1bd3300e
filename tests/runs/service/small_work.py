"""A job whose work is to add a line to a file every now and then: the protocol is the real one, the search is not.

``python -m tests.runs.service.small_work JOB ATTEMPT outputs=...``, as a runner starts ``runs.app.jobs``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from runs.app.jobs import __main__ as job_process
from runs.store.database import Database
from runs.store.service.jobs import Jobs
from runs.store.service.records import WORKER, Job
from runs.store.service.submissions import Submissions

STEPS = 10


def work(database: Database, job: Job, places: dict[str, str]) -> None:
    """Go on where the last attempt stopped, as a search does; two at a time would write a step twice.

    With the argument ``workers`` it asks for so many, which have nothing to do and end when they are asked to.
    """
    while job.verb == WORKER:
        time.sleep(0.05)
    Jobs(database).share(job.id, job.attempt, {}, workers=job.arguments.get("workers", 0))
    run = Submissions(database).by_id(job.submission_id)
    path = Path(places["outputs"]) / f"{run.key}.txt"
    for step in range(len(path.read_text().split()) if path.exists() else 0, STEPS):
        time.sleep(job.arguments.get("step_ms", 100) / 1000)
        now = Jobs(database).get(job.id)
        assert now is not None
        if now.attempt == job.attempt:
            with path.open("a") as file:
                file.write(f"{step}\n")


if __name__ == "__main__":
    replaced: Any = job_process
    replaced._work = work
    sys.exit(job_process.main())
