"""Measure the step of every block, and of some whole networks, for a search that asks how fast its networks decode.

It is a profile of the same space in another setting, so all that holds of profiles holds of it; the run keeps a copy.
"""

from __future__ import annotations

from hardware_profiles import Profile
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.profile import PROFILE, kept_profile, measured_profile
from search_space.errors import ProfileError

__all__ = ["DECODE_PROFILE"]

_FILE = "decode-profile.json"


def decode_profile(context: Context, own: Profile) -> Profile | None:
    """Return the profile of the steps on this machine, ``None`` where no objective and no limit asks for it.

    Raises
    ------
    ProfileError
        The run searches for another machine, whose profile says nothing of steps.
    """
    if not context.asks_decode:
        return None
    file, target = context.folder / _FILE, context.decode_target
    if file.exists():
        found = kept_profile(file)
    elif context.target.is_foreign(own):
        raise ProfileError(
            "decode_ms",
            expected="a search for this machine, on which steps are measured",
            got=f"a profile of {own.device.name}, {own.setting}",
            remedy="search on that machine without profile.path, or without decode_ms and tokens_per_s",
        )
    else:
        found = measured_profile(context, target, title="profile of decoding")
    target.check(found)
    if not file.exists():
        found.save(file)
    return found


DECODE_PROFILE = Stage(name="profile of decoding", run=decode_profile, needs=(PROFILE,))
