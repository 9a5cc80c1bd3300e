"""Where a profile is found: a file, a shipped one, or what a worker on the device left in the database."""

from __future__ import annotations

from pathlib import Path

from hardware_profiles import Profile
from hardware_profiles.devices import locate
from runs.pipeline.stages.compare import run_named
from runs.pipeline.workspace import Workspace
from search_space.errors import ProfileError

__all__ = ["SIGN", "STAGE", "find_profile"]

STAGE, SIGN = "profile", "run:"


def find_profile(workspace: Workspace, text: str, *, parameter: str) -> Profile:
    """Return the profile of a file, of a name in ``outputs/profiles``, of a shipped one's, or of a worker's run.

    Raises
    ------
    ProfileError, ConfigError
        When it is none of them, or cannot be read.
    """
    if not text.startswith(SIGN):
        return Profile.load(locate(text, folder=workspace.outputs / "profiles", parameter=parameter))
    name = text.removeprefix(SIGN)
    stage = workspace.store.stage(run_named(workspace, name, parameter=parameter).id, STAGE)
    if stage is None:
        raise ProfileError(
            parameter,
            expected=f"a run in which a worker has measured its machine, for {text}",
            got=f"{Path(name).name!r} without a profile",
            remedy=f"run nasweave worker role=profile name={name} on the device, with the same store",
        )
    return Profile.from_dict(stage.detail, where=text)
