"""Muon: a matrix takes a step of equal length in every direction in which its gradient points.

The momentum of each matrix is replaced by the orthogonal matrix next to it, which a few matrix products find. Matrices
of one shape are computed together, for those of small networks cost more calls than arithmetic. (PyTorch's own computes
matrix by matrix and in bfloat16, which processors without instructions for it emulate.)

Papers: Jordan et al. 2024 (Muon); Liu et al. 2025, arXiv:2502.16982 (decay, and steps as long as AdamW's).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn

from supernet.elastic import ElasticLinear
from supernet.model import Network

__all__ = ["Muon", "layer_matrices", "orthogonalised"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic polynomial that takes singular values near to 1
_ITERATIONS = 3  # five orthogonalise better and train no better
_LENGTH = 0.5  # root mean square of a step's entries, in units of the rate; AdamW's has about 0.2
_SMALLEST = 8  # a matrix of fewer rows or columns is more like a vector


def layer_matrices(network: Network) -> list[nn.Parameter]:
    """Return the matrices between stem and head: what comes in and what goes out is no direction among others."""
    inside = [network.body.mixer_blocks, network.body.channel_blocks]
    weights = [m.weight for blocks in inside for m in blocks.modules() if isinstance(m, ElasticLinear)]
    return [weight for weight in weights if min(weight.shape) >= _SMALLEST]


def orthogonalised(matrices: Tensor) -> Tensor:
    """Return ``(n, r, c)`` with ``r <= c`` with the same singular vectors and singular values of about 1 each."""
    a, b, c = _COEFFICIENTS
    x: Tensor = matrices / matrices.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """Steps of momentum along orthogonalised matrices, with decoupled decay.

    Parameters
    ----------
    params
        Matrices, ``(out_features, in_features)`` each.
    lr
        A step changes the entries of a matrix by half of it, as root mean square.
    momentum
        Share of the old gradients; Nesterov's way looks one step ahead.
    weight_decay
        Decoupled.
    """

    def __init__(
        self, params: Iterable[Tensor], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every matrix that has a gradient; ``closure`` computes and returns the loss first, if there is one."""
        loss = None if closure is None else closure()
        with torch.no_grad():
            for group in self.param_groups:
                if weights := [p for p in group["params"] if p.grad is not None]:
                    self._update(weights, group)
        return loss

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [p.grad for p in weights if p.grad is not None]
        for weight in weights:
            self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        momenta = [self.state[weight]["momentum"] for weight in weights]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        shapes: dict[tuple[int, int], list[int]] = defaultdict(list)
        for i, (rows, columns) in enumerate(weight.shape for weight in weights):
            shapes[min(rows, columns), max(rows, columns)].append(i)
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        for (_, longer), members in shapes.items():
            tall = [weights[i].shape[0] > weights[i].shape[1] for i in members]
            stacked = torch.stack([ahead[i].mT if t else ahead[i] for i, t in zip(members, tall, strict=True)])
            steps = orthogonalised(stacked).unbind()
            torch._foreach_add_(
                [weights[i] for i in members],
                [step.mT if t else step for step, t in zip(steps, tall, strict=True)],
                alpha=-_LENGTH * longer**0.5 * group["lr"],
            )
