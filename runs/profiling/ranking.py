"""Whether a profile can tell the networks of a space apart at all: one of a few measurements often cannot."""

from __future__ import annotations

from predictors import LatencyPredictor
from predictors.latency import LatencyProfile
from search_space import SearchSpace

__all__ = ["ranking_warning"]


def ranking_warning(profile: LatencyProfile, predictor: LatencyPredictor, space: SearchSpace) -> str | None:
    """Return in one line that the largest network of a space may be as fast as the smallest for all a profile knows.

    Parameters
    ----------
    profile, predictor
        What was measured, and what was fitted to it.
    space
        The space whose smallest and largest networks are compared: no two others differ more in size.

    Returns
    -------
    str or None
        ``None`` where their intervals lie apart.
    """
    smallest, largest = predictor.predict_interval(space.encode([space.smallest, space.largest])).tolist()
    if smallest[1] < largest[0]:
        return None
    blocks, networks = len(profile.blocks), len(profile.networks)
    return (
        f"the profile cannot rank two networks of this space: to its knowledge the smallest takes {_ms(smallest)}, the "
        f"largest {_ms(largest)}; {blocks} of {len(space.blocks)} blocks and {networks} networks are measured. Profile "
        "longer, as by profile.time_budget=5m, or on a calmer machine, under another name="
    )


def _ms(interval: list[float]) -> str:
    return f"{interval[0]:.3g} to {interval[1]:.3g} ms"
