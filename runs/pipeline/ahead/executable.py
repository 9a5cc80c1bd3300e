"""What a runtime executes on this machine, of what a space holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardware_profiles import RUNTIMES, Device, Runtime
from runs.reporter import Reporter
from search_space import SearchSpace
from search_space.errors import RuntimeUnavailableError, SpaceError
from search_space.precision import FLOAT
from search_space.spec import Kind

__all__ = ["available_runtime", "check_executable", "executed_exactly"]


def available_runtime(name: str) -> Runtime:
    """Return a runtime; raises ``RuntimeUnavailableError`` where this machine has not what it needs."""
    runtime = RUNTIMES[name]
    reason = runtime.unavailable()
    if reason is not None:
        raise RuntimeUnavailableError(
            "hardware.runtime", expected="a runtime of this machine", got=runtime.name, remedy=reason
        )
    return runtime


def executed_exactly(
    declared: Mapping[str, Any], runtime: Runtime, device: Device, *, reporter: Reporter
) -> Mapping[str, Any]:
    """Return a space without the precisions that this device computes otherwise than they are simulated, and say so."""
    choices, exact = declared.get("precision", ()), runtime.precisions_on(device)
    inexact = [p for p in choices if p in runtime.precisions and p not in exact]
    if not inexact:
        return declared
    kept = [p for p in choices if p not in inexact] or [FLOAT]
    reporter.warning(
        f"space.precision: {', '.join(inexact)} left out, for {runtime.name} does not compute it exactly on "
        f"this processor; {', '.join(kept)} stay"
    )
    return {**declared, "precision": kept}


def check_executable(space: SearchSpace, runtime: Runtime) -> None:
    """Raise ``SpaceError`` for a choice of the space that the runtime does not execute."""
    for gene, known in (("precision", runtime.precisions), ("float_precision", runtime.float_precisions)):
        for value in getattr(space, gene):
            if value not in known:
                raise SpaceError(
                    f"space.{gene}",
                    expected=f"what {runtime.name} executes ({', '.join(sorted(known))})",
                    got=value,
                    remedy="remove it from the space or choose another runtime",
                )
    blocks: tuple[tuple[Kind, tuple[str, ...]], ...] = (("mixer", space.mixer), ("channel_mixer", space.channel_mixer))
    for kind, keys in blocks:
        for key in keys:
            if runtime.family not in space.catalogue.spec(kind, key).runtimes:
                raise SpaceError(
                    f"space.{kind}",
                    expected=f"what {runtime.name} executes correctly",
                    got=key,
                    remedy="remove it from the space or choose another runtime",
                )
