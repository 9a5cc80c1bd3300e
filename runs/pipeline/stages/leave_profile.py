"""Measure this machine for searches that run elsewhere and share its database."""

from __future__ import annotations

from hardware_profiles import Profile
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.profile import PROFILE
from runs.profiling.finding import SIGN, STAGE
from runs.store.engine import serves_workers
from search_space.errors import ConfigError

__all__ = ["LEAVE_PROFILE"]


def check_shared(context: Context) -> None:
    """Refuse a database that is a file of this machine, with ``ConfigError``."""
    if not serves_workers(context.config.store):
        raise ConfigError(
            "store",
            expected="a database that the searching machine reaches too",
            got=f"SQLite ({context.config.store})",
            remedy="use store=postgresql://user:password@host/database, or bring the files of outputs/profiles there",
        )


def leave_profile(context: Context, measured: Profile) -> None:
    """Put the profile of this machine into the database, under the name of this run."""
    name, detail = context.config.name, measured.to_dict()
    context.store.finish_stage(context.run.id, STAGE, fingerprint=measured.device.fingerprint, detail=detail)
    context.reporter.message(
        f"profile of {measured.device.name}, {measured.setting}, is in the database: search for it with "
        f"profile.path={SIGN}{name}, or devices.NAME={SIGN}{name}"
    )


CHECK_SHARED = Stage(name="check the database", run=check_shared)
LEAVE_PROFILE = Stage(name="leave the profile", run=leave_profile, needs=(PROFILE,), after=(CHECK_SHARED,))
