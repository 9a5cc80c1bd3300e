"""Put one sub-block after the other into each integer precision and evaluate: where a network can afford them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from runs.reporter import ProgressCallback
from search_space import Architecture, Layer, SearchSpace
from search_space.precision import FLOAT

__all__ = ["PrecisionLosses", "precision_losses", "variants"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionLosses:
    """The loss of a network in float, and those by precision and by the name of the sub-block that has it."""

    in_float: float
    changed: Mapping[str, Mapping[str, float]]


def variants(space: SearchSpace, network: Architecture, precision: str) -> dict[str, Architecture]:
    """Return the float form of a network with one sub-block in a precision, by the sub-block's name, and with ``all``.

    A sub-block without linear weights has no precision and is left out.
    """
    plain = network.in_float()
    out: dict[str, Architecture] = {}
    whole = list(plain.layers)
    for i, layer in enumerate(plain.layers):
        for field, name in (("mixer_precision", layer.mixer), ("channel_precision", layer.channel_mixer)):
            changed = _with(space, layer, **{field: precision})
            if changed != layer:
                out[f"{i + 1} {name}"] = _with_layers(plain, [*plain.layers[:i], changed, *plain.layers[i + 1 :]])
                whole[i] = _with(space, whole[i], **{field: precision})
    return {**out, "all": _with_layers(plain, whole)} if out else {}


def precision_losses(
    space: SearchSpace,
    network: Architecture,
    *,
    loss_of: Callable[[Architecture], float],
    progress: ProgressCallback,
) -> PrecisionLosses | None:
    """Return what each precision costs each sub-block; ``None`` where the space has no integer precision."""
    integers = tuple(precision for precision in space.precision if precision != FLOAT)
    tried = {precision: variants(space, network, precision) for precision in integers}
    if FLOAT not in space.precision or not any(tried.values()):
        return None
    total = 1 + sum(map(len, tried.values()))
    done = 0

    def loss(architecture: Architecture) -> float:
        nonlocal done
        done += 1
        value = loss_of(architecture)
        progress(done, total, str(architecture))
        return value

    in_float = loss(network.in_float())
    changed = {p: {name: loss(variant) for name, variant in some.items()} for p, some in tried.items()}
    return PrecisionLosses(in_float=in_float, changed=changed)


def _with(space: SearchSpace, layer: Layer, **changes: str) -> Layer:
    return space.canonical_layer(replace(layer, **changes))  # type: ignore[arg-type]


def _with_layers(network: Architecture, layers: Sequence[Layer]) -> Architecture:
    return replace(network, layers=tuple(layers))
