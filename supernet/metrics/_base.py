"""The contract of a metric: how it reads, what it is of, and its formula.

A metric's one file ends with ``METRIC = Measure(...)``. Most are means over examples; what is not, such as a macro F1,
has a formula of all examples together, whose standard error is found by leaving out parts of them (``_jackknife``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from search_space.metric import Metric
from supernet.metrics._jackknife import standard_error

__all__ = ["Kind", "Measure", "Moments", "Tally"]

Kind = Literal["classes", "labels", "numbers", "token_labels", "tokens", "vectors"]
"""What outputs and targets are.

``classes``: scores ``(B, K)`` and class numbers ``(B,)``. ``labels``: scores ``(B, K)``, above 0 for a label that is
answered, and ``(B, K)`` of 0 and 1. ``numbers``: two tensors of one shape ``(B, ...)``.
``token_labels``: scores ``(N, K)`` and class numbers ``(N,)`` of the words of all examples; for a metric of sequences
``(B, L, K)`` and ``(B, L)``, negative where there is no word to label. ``tokens``: scores ``(B, L, V)`` and ids
``(B, L)``. ``vectors``: vectors ``(B, D)`` and those that they imitate, compared by their directions.
"""


def _fits(targets: Tensor, outputs: int) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A metric with its formula, in which less is always better: of shares the part that lacks, 0 to 1.

    Parameters
    ----------
    metric
        What it is called and how it reads; an error is the formula's value times the metric's ``error_scale``.
    kinds
        What it can judge.
    errors
        The error of each example, ``(B,)``, from outputs and targets; that of a split is their mean.
    error
        The error of all examples together, for what is no mean over examples; one of both is given.
    is_loss
        Whether training may minimise ``errors``: they have a gradient that leads somewhere.
    least
        From the targets of a split to the least standard error: no wrong answer among n does not mean no doubt. Errors
        that are no answers need none.
    unfit
        From the targets of a split and the number of outputs to why it says nothing there; ``None`` where it does.
    at
        Returns the metric of another quantile, 0 to 1, where it is one of a quantile.
    named
        Returns the metric of classes of these names, where it reads them.
    of_sequences
        Whether it looks at the words of an example in their order.
    among_all
        Whether the error of an example depends on all the others that it is given with, such as what is nearest.
    """

    metric: Metric
    kinds: tuple[Kind, ...]
    errors: Callable[[Tensor, Tensor], Tensor] | None = None
    error: Callable[[Tensor, Tensor], float] | None = None
    is_loss: bool = False
    least: Callable[[Tensor], float] | None = None
    unfit: Callable[[Tensor, int], str | None] = _fits
    at: Callable[[float], Measure] | None = None
    named: Callable[[Sequence[str]], Measure] | None = None
    of_sequences: bool = False
    among_all: bool = False

    def __post_init__(self) -> None:
        if (self.errors is None) == (self.error is None):
            raise ValueError(f"{self.metric.key} has one formula")
        if self.errors is None and self.is_loss:
            raise ValueError(f"{self.metric.key} is of no single example")

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over examples, so that a part of a split tells of the whole."""
        return self.errors is not None and not self.among_all


class Moments:
    """Sums of values and of their squares, in double precision."""

    def __init__(self) -> None:
        self.count, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, values: Tensor) -> None:
        """Take values, ``(B,)``."""
        plain = values.double()
        self.count += plain.numel()
        self._sum += plain.sum().item()
        self._squares += plain.square().sum().item()

    @property
    def mean(self) -> float:
        """The mean of all values."""
        return self._sum / self.count

    @property
    def standard_error(self) -> float:
        """That of the mean; the size of the value where there is only one."""
        if self.count < 2:
            return abs(self.mean)
        variance = max(0.0, self._squares - self._sum**2 / self.count) / (self.count - 1)
        return math.sqrt(variance / self.count)


class Tally:
    """Takes outputs batch by batch, and tells the error of all that it was given.

    Of means it keeps sums alone, of others the outputs, on the processor.

    Parameters
    ----------
    measure
        The metric.
    looks_at
        Returns what the metric looks at of outputs and targets; all where it is ``None``.
    """

    def __init__(
        self, measure: Measure, *, looks_at: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    ) -> None:
        self.measure, self.count, self._looks_at = measure, 0, looks_at
        self._moments = Moments()
        self._targets: list[Tensor] = []
        self._outputs: list[Tensor] = []

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Take outputs ``(B, ...)`` and their targets ``(B, ...)``."""
        self.count += len(targets)
        if self._looks_at is not None:
            outputs, targets = self._looks_at(outputs, targets)
        if self.measure.errors is not None and self.measure.is_mean:
            self._moments.add(self.measure.errors(outputs, targets))
        else:
            self._outputs.append(outputs.cpu())
        if not self.measure.is_mean or self.measure.least is not None:
            self._targets.append(targets.cpu())

    @property
    def error(self) -> float:
        """The error so far, in the metric's unit."""
        if self.measure.error is None:
            return self._scale * self._of_examples().mean
        return self._scale * self.measure.error(torch.cat(self._outputs), torch.cat(self._targets))

    @property
    def standard_error(self) -> float:
        """That of the error, as an estimate of the one over all examples that there could be."""
        if self.measure.error is None:
            found = self._of_examples().standard_error
        else:
            found = standard_error(self.measure.error, torch.cat(self._outputs), torch.cat(self._targets))
        least = 0.0 if self.measure.least is None else self.measure.least(torch.cat(self._targets))
        return self._scale * max(found, least)

    def _of_examples(self) -> Moments:
        """Return the errors of all examples."""
        if self.measure.errors is None or self.measure.is_mean:
            return self._moments
        found = Moments()
        found.add(self.measure.errors(torch.cat(self._outputs), torch.cat(self._targets)))
        return found

    @property
    def _scale(self) -> float:
        return self.measure.metric.error_scale
