"""Put one sub-block after the other into each integer precision and evaluate: where a network can afford them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runs.evaluation.evaluator import QualityEvaluator
from runs.pipeline.stages.search import Searched
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from runs.reports import Sensitivity
from search_space import Architecture, Layer, SearchSpace
from search_space.precision import FLOAT

__all__ = ["sensitivity", "variants"]


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


def sensitivity(workspace: Workspace, searched: Searched, network: Architecture) -> Sensitivity | None:
    """Return what each precision costs each sub-block; ``None`` where the space has no integer precision.

    The qualities are kept with all others of the supernet, so that a second report evaluates nothing.
    """
    space = workspace.space
    integers = tuple(precision for precision in space.precision if precision != FLOAT)
    tried = {precision: variants(space, network, precision) for precision in integers}
    if FLOAT not in space.precision or not any(tried.values()):
        return None
    evaluator = QualityEvaluator(workspace, objectives=workspace.objectives, cost_function=searched.cost_function)
    total = 1 + sum(map(len, tried.values()))
    done = 0
    with show_progress(workspace.console, "sensitivity") as progress:

        def loss(architecture: Architecture) -> float:
            nonlocal done
            done += 1
            value = evaluator(architecture, whole=True)["validation_loss"]
            progress(done, total, str(architecture))
            return value

        plain = loss(network.in_float())
        losses = {p: {name: loss(changed) for name, changed in some.items()} for p, some in tried.items()}
    names = tuple(next(iter(losses.values())))
    config = workspace.config.evaluation
    return Sensitivity(
        key=network.key,
        sub_blocks=names,
        precisions=integers,
        loss_change=tuple(tuple(losses[p][name] / plain - 1 for p in integers) for name in names),
        examples=min(config.examples or len(workspace.data.validation), len(workspace.data.validation)),
    )


def _with(space: SearchSpace, layer: Layer, **changes: str) -> Layer:
    return space.canonical_layer(replace(layer, **changes))  # type: ignore[arg-type]


def _with_layers(network: Architecture, layers: Sequence[Layer]) -> Architecture:
    return replace(network, layers=tuple(layers))
