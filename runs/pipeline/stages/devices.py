"""Fit what predicts latencies and energies: of the run's own device, and of others known by their profiles alone.

The run keeps a copy of every profile it began with.
"""

from __future__ import annotations

from hardware_profiles import Profile
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.phases.decoding import DECODE_PROFILE
from runs.pipeline.stages.profile import PROFILE
from runs.profiling.devices import Devices
from runs.profiling.finding import ProfileFinder
from search_space.errors import ProfileError

__all__ = ["DEVICES", "OTHER_PROFILES"]


def other_profiles(context: Context) -> dict[str, Profile]:
    """Return the profiles of the other devices by name, before anything is measured."""
    return {name: _other(context, name, given) for name, given in context.config.devices.items()}


def devices(context: Context, others: dict[str, Profile], own: Profile, decode: Profile | None) -> Devices:
    """Return the devices of the run with their predictors.

    Raises
    ------
    ProfileError
        An objective or a limit needs energies that were not measured.
    """
    profiles: dict[str | None, Profile] = {None: own}
    profiles.update(others)
    found = Devices.fit(profiles, space=context.space, exact=context.costs, decode=decode)
    found.check_predicted((*context.config.search.objectives, *context.budget.limits))
    return found


def _other(context: Context, name: str, given: str) -> Profile:
    own = context.folder / f"profile-{name}.json"
    find = ProfileFinder(context.outputs, store=context.store, task=context.config.task.name)
    found = find(given, parameter=f"devices.{name}")
    if found.space_fingerprint != context.space.fingerprint or not found.blocks:
        raise ProfileError(
            f"devices.{name}",
            expected=f"a profile of blocks of this space ({context.space.fingerprint})",
            got=f"one of {len(found.blocks)} blocks of the space {found.space_fingerprint}",
            remedy=f"run nasweave profile on {name} with the same space",
        )
    if own.exists():
        before = Profile.load(own)
        if before.measurements != found.measurements:
            raise ProfileError(
                f"devices.{name}",
                expected="the profile that this run began with",
                got=given,
                remedy="choose another name= for a run with another profile",
            )
        return before
    found.save(own)
    return found


OTHER_PROFILES = Stage(name="profiles of other devices", run=other_profiles)
DEVICES = Stage(name="devices", run=devices, needs=(OTHER_PROFILES, PROFILE, DECODE_PROFILE))
