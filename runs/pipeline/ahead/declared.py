"""The space that a configuration declares: its own choices, or those around the checkpoint that networks start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardware_profiles import Runtime
from search_space import SearchSpace, TaskShape
from search_space.errors import ConfigError
from search_space.precision import FLOAT
from supernet.catalogue import HEADS
from supernet.pretrained import Pretrained

__all__ = ["check_head", "declared_space"]

_AROUND = "around"
_CHECKPOINT = "checkpoint"


def declared_space(
    declared: Mapping[str, Any], pretrained: Pretrained | None, runtime: Runtime, *, task: TaskShape
) -> Mapping[str, Any]:
    """Return a declaration without ``around``: with it, what is declared takes the place of the checkpoint's choices.

    The head is one that the checkpoint has for outputs as the task's; precisions are those that the runtime executes.

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
    per_token = HEADS[task.head].spec.per_token
    derived = pretrained.declaration(name=str(own.get("name", _CHECKPOINT)), per_token=per_token)
    derived["precision"] = [p for p in derived["precision"] if p == FLOAT or p in runtime.precisions]
    options = {**derived["options"], **(own.get("options") or {})}
    return {**derived, **own, "options": options}


def check_head(space: SearchSpace, task: TaskShape) -> None:
    """Raise ``ConfigError`` where a space's head gives outputs of examples and the task wants those of tokens."""
    chosen, wanted = (HEADS[head].spec for head in (space.geometry.task.head, task.head))
    if chosen.per_token != wanted.per_token:
        raise ConfigError(
            "space.head",
            expected=f"a head with outputs of {'every token' if wanted.per_token else 'each example'}, as {wanted.key}",
            got=chosen.key,
            remedy="choose another one, or leave space.head out",
        )
