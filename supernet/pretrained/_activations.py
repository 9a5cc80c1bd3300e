"""How much the parts of a network do on some examples: heads and hidden channels by what they add, features by change.

What is the same for every token is left out, for a bias could stand for it.

- a head's score is the root of the mean square of what it writes, ``||W_h (z_h - mean z_h)||``,
- a hidden channel's the deviation of its activation times the norm of the column that reads it,
- a feature's the deviation of what blocks and head read of it, each of these places counting the same.

Paper: Muralidharan et al. 2024, arXiv:2407.14679 (Minitron: importance from activations on few examples).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from supernet.model import Supernet
from supernet.pretrained._family import Form

__all__ = ["Scores", "scores_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """The importance of a network's parts, in the order in which they stand.

    Parameters
    ----------
    heads, hidden
        Of each layer ``(H,)`` and ``(F,)``.
    features
        ``(D,)``.
    """

    heads: tuple[Tensor, ...]
    hidden: tuple[Tensor, ...]
    features: Tensor


def scores_of(supernet: Supernet, examples: Tensor, form: Form) -> Scores:
    """Return the scores of a supernet's largest network, which is a checkpoint's.

    Parameters
    ----------
    supernet
        With the checkpoint's weights.
    examples
        ``(n, *input_shape)``; padding counts nowhere.
    form
        The checkpoint's.
    """
    body, mask_BL = supernet.body, supernet.body.stem.mask(examples)
    heads: dict[int, Tensor] = {}
    hidden: dict[int, Tensor] = {}
    read: list[Tensor] = []

    def changing(x_BLC: Tensor) -> Tensor:
        """Return the real tokens less their mean, ``(N, C)``."""
        x_NC = x_BLC.flatten(0, 1) if mask_BL is None else x_BLC[mask_BL]
        return x_NC - x_NC.mean(0)

    def features(x_BLD: Tensor) -> None:
        deviation_D = changing(x_BLD).square().mean(0).sqrt()
        read.append(deviation_D / deviation_D.norm().clamp(min=1e-12))

    def written(layer: int, weight: Tensor) -> Callable[[Tensor], None]:
        def keep(z_BLC: Tensor) -> None:
            z_NHK, weight_DHK = (torch.unflatten(x, 1, (-1, form.head_dim)) for x in (changing(z_BLC), weight))
            added_NHD = torch.einsum("nhk,dhk->nhd", z_NHK, weight_DHK)
            heads[layer] = added_NHD.square().sum(2).mean(0).sqrt()

        return keep

    def activated(layer: int, weight: Tensor) -> Callable[[Tensor], None]:
        def keep(h_BLF: Tensor) -> None:
            hidden[layer] = changing(h_BLF).square().mean(0).sqrt() * weight.norm(dim=0)

        return keep

    watched: dict[str, Callable[[Tensor], None]] = {"head": features}
    for layer in range(form.depth):
        mixer = f"mixer_blocks.{layer}.projections"
        channel = f"channel_blocks.{layer}.mixers.{form.channel_mixer}"
        watched |= {f"{mixer}.q": features, f"{channel}.up": features}
        watched[f"{mixer}.out"] = written(layer, body.get_parameter(f"{mixer}.out.weight"))
        watched[f"{channel}.down"] = activated(layer, body.get_parameter(f"{channel}.down.weight"))
    handles = [body.get_submodule(name).register_forward_pre_hook(_given_to(keep)) for name, keep in watched.items()]
    was_training = supernet.training
    try:
        with torch.no_grad():
            supernet.eval()(examples, supernet.space.largest.in_float())
    finally:
        for handle in handles:
            handle.remove()
        supernet.train(was_training)
    layers = range(form.depth)
    return Scores(
        heads=tuple(heads[i] for i in layers),
        hidden=tuple(hidden[i] for i in layers),
        features=torch.stack(read).square().sum(0).sqrt(),
    )


def _given_to(keep: Callable[[Tensor], None]) -> Callable[..., None]:
    """Return a hook that looks at the first input of a module."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        keep(inputs[0])

    return hook
