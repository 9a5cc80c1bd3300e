"""Who works on a run's search: this process alone, or one of many."""

from __future__ import annotations

import os
import socket
import uuid

from runs.environment import code_version
from runs.pipeline.context import Context
from runs.search import WorkerGroup
from runs.store import Claims
from runs.store.engine import serves_workers

__all__ = ["worker_group"]


def worker_group(context: Context) -> WorkerGroup | None:
    """Return this process's place among the workers of the run; ``None`` on SQLite, which serves one process."""
    config = context.config
    if not serves_workers(config.store):
        return None
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    claims = Claims(context.store, run_id=context.run.id, worker=name, grace_s=config.workers.grace_s)
    return WorkerGroup(claims=claims, config=config.workers, versions={"code": code_version()})
