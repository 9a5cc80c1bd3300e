"""What a search is known to cost before it begins: the corners of its space, and whether a network meets its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from hardware_profiles import Profile
from hardware_profiles.devices import locate
from hardware_profiles.measuring.plausibility import check_some_blocks
from runs.evaluation.feasibility import check_budget, corner_values
from runs.objectives import exact_costs
from runs.pipeline.context import Context
from runs.pipeline.stages.feasibility import check_method
from runs.profiling.devices import Devices
from runs.profiling.ranking import ranking_warning
from runs.profiling.target import Target
from runs.search import CostFunction
from search_space.errors import BudgetError

__all__ = ["Foreseen", "foresee", "known_profile"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """What is known of a search before it begins.

    Parameters
    ----------
    corners
        Every value that needs no evaluation of the smallest, middle and largest network, by corner and name.
    profile
        What latencies are predicted from; ``None`` where the device was not measured yet, and there are none.
    unmet
        Why no network meets the budget; ``None`` where one does, as far as the values of ``corners`` tell.
    """

    corners: Mapping[str, Mapping[str, float]]
    profile: Profile | None
    unmet: BudgetError | None


def foresee(context: Context) -> Foreseen:
    """Return what a search costs, from exact costs and the profile of its device, if that is on disk; measures nothing.

    Raises
    ------
    ConfigError
        A setting does not apply to the way of searching.
    ProfileError
        The named profile is not there, or of another space or setting.
    """
    check_method(context)
    own = known_profile(context)
    if own is None:
        cost_function: CostFunction = partial(exact_costs, context.costs)
    else:
        decode = _measured_before(context, context.decode_target) if context.asks_decode else None
        known = Devices.fit({None: own}, space=context.space, exact=context.costs, decode=decode)
        known.check_predicted((*context.config.search.objectives, *context.budget.limits))
        cost_function = known.costs
        unknown = ranking_warning(own, known.predictors["latency_ms"], context.space)
        if unknown is not None:
            context.reporter.warning(unknown)
    unmet = None
    try:
        check_budget(context.space, cost_function, context.budget)
    except BudgetError as error:
        unmet = error
    return Foreseen(corners=corner_values(context.space, cost_function), profile=own, unmet=unmet)


def known_profile(context: Context) -> Profile | None:
    """Return the named profile, or what an earlier run has measured of this machine."""
    path = context.config.profile.path
    if path is None:
        return _measured_before(context, context.target)
    found = Profile.load(locate(path, folder=context.profiles, parameter="profile.path"))
    check_some_blocks(found, blocks=len(context.space.blocks))
    context.target.check(found)
    return found


def _measured_before(context: Context, target: Target) -> Profile | None:
    file = context.profiles / f"{target.key}.json"
    if not file.exists():
        return None
    found = Profile.load(file)
    target.check(found)
    return found
