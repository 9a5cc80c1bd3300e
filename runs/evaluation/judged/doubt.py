"""How far the errors of two networks on the same examples lie apart, beside the noise of these examples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from supernet.metrics import Measure, Moments, standard_error
from supernet.tasks import TaskData
from supernet.training import outputs_of

__all__ = ["difference"]


def difference(
    networks: tuple[nn.Module, nn.Module], data: TaskData, *, examples: int | None = None
) -> tuple[float, float]:
    """Return how much more error the second network has on the validation split, and the standard error of that.

    Parameters
    ----------
    networks
        Two networks on one device.
    data
        Their task.
    examples
        Judge by so many, drawn as the search draws them; all when ``None``.
    """
    measure, (one, other) = data.measure, (outputs_of(n, data.validation, examples=examples) for n in networks)
    if measure.errors is not None and measure.is_mean:
        moments, formula = Moments(), measure.errors

        def errors(outputs: Tensor, targets: Tensor) -> Tensor:
            return formula(*data.judged(outputs, targets))

        for (first, targets), (second, _) in zip(one, other, strict=True):
            moments.add(errors(second, targets) - errors(first, targets))
        scale = measure.metric.error_scale
        return scale * moments.mean, scale * moments.standard_error
    pairs = []
    for (first, targets), (second, _) in zip(one, other, strict=True):
        (first, right), (second, _) = data.judged(first, targets), data.judged(second, targets)
        pairs.append((torch.stack((first, second), 1), right))
    both, right = (torch.cat(parts).cpu() for parts in zip(*pairs, strict=True))
    return _together(measure, both, right)


def _together(measure: Measure, both: Tensor, targets: Tensor) -> tuple[float, float]:
    """Return the same of what looks at all examples together, from outputs ``(n, 2, ...)``."""
    formula, scale = measure.error, measure.metric.error_scale
    if measure.errors is not None:
        moments = Moments()
        moments.add(measure.errors(both[:, 1], targets) - measure.errors(both[:, 0], targets))
        return scale * moments.mean, scale * moments.standard_error
    assert formula is not None, "it is no mean"

    def more(pairs: Tensor, right: Tensor) -> float:
        return formula(pairs[:, 1], right) - formula(pairs[:, 0], right)

    return scale * more(both, targets), scale * standard_error(more, both, targets)
