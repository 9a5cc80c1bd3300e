"""Where a profile is found: a file, a shipped one, or what a worker on the device left in the database."""

from __future__ import annotations

from pathlib import Path

from hardware_profiles import Profile
from hardware_profiles.devices import locate
from runs.store import Store
from runs.store.named import run_named
from search_space.errors import ProfileError

__all__ = ["SIGN", "STAGE", "ProfileFinder"]

STAGE, SIGN = "profile", "run:"


class ProfileFinder:
    """Finds the profile that a user names.

    Parameters
    ----------
    outputs
        The folder of all runs.
    store, task
        The database, and the task whose runs are searched for ``run:NAME``.
    """

    def __init__(self, outputs: Path, *, store: Store, task: str) -> None:
        self.outputs, self.store, self.task = outputs, store, task

    def __call__(self, text: str, *, parameter: str) -> Profile:
        """Return the profile of a file, a name in ``outputs/profiles``, a shipped one's name, or a worker's run.

        Raises
        ------
        ProfileError, ConfigError
            When it is none of them, or cannot be read.
        """
        if not text.startswith(SIGN):
            return Profile.load(locate(text, folder=self.outputs / "profiles", parameter=parameter))
        name = text.removeprefix(SIGN)
        run = run_named(self.store, name, task=self.task, outputs=self.outputs, parameter=parameter)
        stage = self.store.stage(run.id, STAGE)
        if stage is None:
            raise ProfileError(
                parameter,
                expected=f"a run in which a worker has measured its machine, for {text}",
                got=f"{Path(name).name!r} without a profile",
                remedy=f"run nasweave worker role=profile name={name} on the device, with the same store",
            )
        return Profile.from_dict(stage.detail, where=text)
