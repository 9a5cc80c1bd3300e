"""Measure this machine for searches that run elsewhere and share its database."""

from __future__ import annotations

from runs.pipeline.stages.profile import profile
from runs.pipeline.stages.shared_profile import SIGN, STAGE
from runs.pipeline.workspace import Workspace
from runs.store.engine import serves_workers
from search_space.errors import ConfigError

__all__ = ["leave_profile"]


def leave_profile(workspace: Workspace) -> None:
    """Measure this machine and put the profile into the database, under the name of this run.

    Raises
    ------
    ConfigError
        The database is a file of this machine.
    """
    config = workspace.config
    if not serves_workers(config.store):
        raise ConfigError(
            "store",
            expected="a database that the searching machine reaches too",
            got=f"SQLite ({config.store})",
            remedy="use store=postgresql://user:password@host/database, or bring the files of outputs/profiles there",
        )
    measured = profile(workspace)
    detail = measured.to_dict()
    workspace.store.finish_stage(workspace.run.id, STAGE, fingerprint=measured.device.fingerprint, detail=detail)
    workspace.console.print(
        f"profile of {measured.device.name}, {measured.setting}, is in the database: search for it with "
        f"profile.path={SIGN}{config.name}, or devices.NAME={SIGN}{config.name}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
