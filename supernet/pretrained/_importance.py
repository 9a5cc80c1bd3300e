"""The order in which a network's parts stand: the most important first, for a subnet uses the first of each kind.

Heads, hidden channels and features may stand in any order, as long as all weights follow; the outputs stay as they are.
Norms average over the features, so a permutation of them, one for the whole network, passes through.

Scores are measured on examples (``_activations``), or without any those of weights alone:

- a head is as important as the norm of its values' projection times that of what it writes; heads that share keys and
  values stay together, as important as the norm of their importances,
- a hidden channel as the norm of the row that fills it times that of the column that reads it, gates included,
- a feature as the size of what is written to it times the size of how it is read.

Papers: Cai et al. 2020 (Once-for-All: channels sorted before they shrink); Muralidharan et al. 2024 (Minitron).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from supernet.pretrained._activations import Scores
from supernet.pretrained._family import Weights

__all__ = ["by_importance"]

_FEATURES, _HEADS, _KEYS, _HIDDEN = "features", "heads", "keys", "hidden"
_STEM_AXES = {
    "embedding": (None, _FEATURES),
    "position": (None, _FEATURES),
    "class_token": (_FEATURES,),
    "project.weight": (_FEATURES, None),
    "project.bias": (_FEATURES,),
    "norm.weight": (_FEATURES,),
    "norm.bias": (_FEATURES,),
}
_LAYER_AXES = {
    **{f"{name}.weight": (axis, _FEATURES) for name, axis in zip("qkv", (_HEADS, _KEYS, _KEYS), strict=True)},
    **{f"{name}.bias": (axis,) for name, axis in zip("qkv", (_HEADS, _KEYS, _KEYS), strict=True)},
    **{f"{name}.weight": (_HIDDEN, _FEATURES) for name in ("up", "gate")},
    **{f"{name}.bias": (_HIDDEN,) for name in ("up", "gate")},
    "out.weight": (_FEATURES, _HEADS),
    "down.weight": (_FEATURES, _HIDDEN),
    **{f"{name}.bias": (_FEATURES,) for name in ("out", "down", "mixer_norm", "channel_norm")},
    **{f"{name}.weight": (_FEATURES,) for name in ("mixer_norm", "channel_norm")},
}
_HEAD_AXES = {
    "norm.weight": (_FEATURES,),
    "norm.bias": (_FEATURES,),
    "pool.weight": (_FEATURES, _FEATURES),  # what is pooled is as wide as the network, and follows its order
    "pool.bias": (_FEATURES,),
    "project.weight": (None, _FEATURES),
    "project.bias": (None,),
}


def by_importance(weights: Weights, *, head_dim: int, scores: Scores | None = None) -> Weights:
    """Return the same network with its heads, hidden channels and features in falling order of importance.

    ``scores`` are those of the network as it stands; norms of weights where there are none.
    """
    layers = []
    for i, layer in enumerate(weights.layers):
        scores_GR = _head_scores(layer, head_dim)
        if scores is not None:
            scores_GR = scores.heads[i].view_as(scores_GR)
        hidden = _hidden_scores(layer) if scores is None else scores.hidden[i]
        groups = _falling(_norm(scores_GR, 1))
        heads_GR = scores_GR.argsort(dim=1, descending=True, stable=True)[groups] + groups[:, None] * scores_GR.shape[1]
        layer = _along(layer, _LAYER_AXES, _HEADS, _rows_of(heads_GR.flatten(), head_dim))
        layer = _along(layer, _LAYER_AXES, _KEYS, _rows_of(groups, head_dim))
        layers.append(_along(layer, _LAYER_AXES, _HIDDEN, _falling(hidden)))
    order = _falling(_feature_scores(weights) if scores is None else scores.features)
    return Weights(
        stem=_along(weights.stem, _STEM_AXES, _FEATURES, order),
        layers=tuple(_along(layer, _LAYER_AXES, _FEATURES, order) for layer in layers),
        heads={name: _along(head, _HEAD_AXES, _FEATURES, order) for name, head in weights.heads.items()},
    )


def _falling(scores: Tensor) -> Tensor:
    return scores.argsort(descending=True, stable=True)


def _rows_of(heads: Tensor, head_dim: int) -> Tensor:
    return (heads[:, None] * head_dim + torch.arange(head_dim)).flatten()


def _along(
    tensors: Mapping[str, Tensor], axes: Mapping[str, tuple[str | None, ...]], kind: str, order: Tensor
) -> dict[str, Tensor]:
    """Return tensors whose axes of one kind are in another order."""
    ordered = {}
    for name, tensor in tensors.items():
        for i, axis in enumerate(axes[name]):
            tensor = tensor.index_select(i, order) if axis == kind else tensor
        ordered[name] = tensor
    return ordered


def _head_scores(layer: Mapping[str, Tensor], head_dim: int) -> Tensor:
    """Return the importance of each head of queries, ``(G, R)``: those that share keys and values in a row."""
    values_GKD = torch.unflatten(layer["v.weight"], 0, (-1, head_dim))
    out_DGRK = torch.unflatten(layer["out.weight"], 1, (len(values_GKD), -1, head_dim))
    return _norm(values_GKD, 1, 2)[:, None] * _norm(out_DGRK, 0, 3)


def _hidden_scores(layer: Mapping[str, Tensor]) -> Tensor:
    filled = _norm(layer["up.weight"], 1)
    if "gate.weight" in layer:
        filled = filled * _norm(layer["gate.weight"], 1)
    return filled * _norm(layer["down.weight"], 0)


def _feature_scores(weights: Weights) -> Tensor:
    """Return the importance of each feature, ``(D,)``.

    What an embedding writes is its root mean square over the ids; a linear layer is taken to read inputs of size one.
    """
    written = [_rms(weights.stem[name]) for name in ("embedding", "position") if name in weights.stem]
    written += [_norm(weights.stem["project.weight"], 1)] if "project.weight" in weights.stem else []
    written += [_norm(layer[name], 1) for layer in weights.layers for name in ("out.weight", "down.weight")]
    read = [
        _norm(layer[f"{name}.weight"], 0) * layer[f"{norm}.weight"].abs()
        for layer in weights.layers
        for norm, names in (("mixer_norm", "qkv"), ("channel_norm", ("up", "gate")))
        for name in names
        if f"{name}.weight" in layer
    ]
    return _together(written) * _together(read)


def _norm(weight: Tensor, *axes: int) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(weight, dim=axes)
    return norm


def _rms(table: Tensor) -> Tensor:
    return table.square().mean(0).sqrt()


def _together(sizes: Iterable[Tensor]) -> Tensor:
    """Return the size of a sum of independent parts."""
    return torch.stack(list(sizes)).square().sum(0).sqrt()
