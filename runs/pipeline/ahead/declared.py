"""The space that a configuration declares: its own choices, or those around the checkpoint that networks start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardware_profiles import Runtime
from search_space.errors import ConfigError
from search_space.precision import FLOAT
from supernet.pretrained import Pretrained

__all__ = ["declared_space"]

_AROUND = "around"
_CHECKPOINT = "checkpoint"


def declared_space(declared: Mapping[str, Any], pretrained: Pretrained | None, runtime: Runtime) -> Mapping[str, Any]:
    """Return a declaration without ``around``: with it, what is declared takes the place of the checkpoint's choices.

    Of the precisions those that the runtime executes are chosen.

    Raises
    ------
    ConfigError
        The space is around a checkpoint, and there is none.
    CheckpointError
        The checkpoint's configuration is damaged, or of a network that we do not compute.
    """
    around, own = declared.get(_AROUND), {key: value for key, value in declared.items() if key != _AROUND}
    if around is None:
        return own
    if around != _CHECKPOINT or pretrained is None:
        raise ConfigError(
            "space.around",
            expected=f"{_CHECKPOINT}, with one to start from",
            got=f"{around!r}{' and none' if pretrained is None else ''}",
            remedy="write nasweave compress DIR, or init=hf path=DIR",
        )
    derived = pretrained.declaration(name=str(own.get("name", _CHECKPOINT)))
    derived["precision"] = [p for p in derived["precision"] if p == FLOAT or p in runtime.precisions]
    options = {**derived["options"], **(own.get("options") or {})}
    return {**derived, **own, "options": options}
