"""The quality of networks on one split: error, loss and their standard errors, from batches that are made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_space import Architecture
from supernet.metrics import Moments, Tally
from supernet.model import Supernet
from supernet.tasks import Split, TaskData
from supernet.training.lengths import ByLength
from supernet.training.mixed_precision import autocast

__all__ = ["Evaluator", "Quality", "evaluate", "outputs_of"]

_BATCH_SIZE = 256
_SEED = 0x5EED
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """What the first ``examples`` of ``total`` examples say of a network.

    Parameters
    ----------
    error, loss
        Over these examples; the error in the task's unit, such as percent.
    error_se, loss_se
        Their standard errors, as estimates of the value over all examples that there could be. That of a share is never
        below the weight of a single answer: no wrong one among n does not mean no doubt.
    """

    error: float
    error_se: float
    loss: float
    loss_se: float
    examples: int
    total: int

    @property
    def fraction(self) -> float:
        """Share of the examples that was looked at: below 1 after an early stop."""
        return self.examples / self.total


class Evaluator:
    """Judges any number of networks on the same examples of one split, in the same random order.

    The normalised batches stay in memory, ``4 * examples * values an example`` bytes, for they would otherwise be made
    again for every network. The order is random, so that a part of the split is a fair sample of it.

    Parameters
    ----------
    data, split
        The task and one of its splits.
    device
        Where the batches lie; that of the models.
    batch_size
        Examples at a time; results do not depend on it but for rounding.
    bf16
        Whether to compute in bfloat16 under autocast; the weights stay as they are.
    examples
        Judge by so many examples, drawn under a fixed seed; all when ``None`` or more than there are.
    """

    def __init__(
        self,
        data: TaskData,
        *,
        split: Split,
        device: str | torch.device = "cpu",
        batch_size: int = _BATCH_SIZE,
        bf16: bool = False,
        examples: int | None = None,
    ) -> None:
        self.data, self.bf16 = data, bf16
        order = _order(split, examples)
        self.total = len(order)
        self._batches = []
        for start in range(0, self.total, batch_size):
            inputs, targets = split.batch(order[start : start + batch_size])
            self._batches.append((inputs.to(device), targets.to(device)))

    def __call__(
        self,
        model: nn.Module,
        architecture: Architecture | None = None,
        *,
        should_prune: Callable[[Quality], bool] | None = None,
    ) -> Quality:
        """Return the quality of a network.

        Parameters
        ----------
        model
            A supernet, with the ``architecture`` to run, or any module of a single input.
        should_prune
            Asked after each batch but the last; when it says so, the quality of the part seen so far is returned.
        """
        return _judge(
            model, architecture, self.data, self._batches, total=self.total, bf16=self.bf16, should_prune=should_prune
        )


def evaluate(
    model: nn.Module,
    *,
    data: TaskData,
    split: Split,
    architecture: Architecture | None = None,
    batch_size: int = _BATCH_SIZE,
) -> float:
    """Return the error, in the task's unit, on a whole split, whose batches are made one by one and not kept.

    Parameters
    ----------
    model, architecture
        As :class:`Evaluator` takes them.
    split
        One of the splits of ``data``.
    batch_size
        Examples at a time; the result does not depend on it but for rounding.
    """
    device = next(model.parameters()).device
    batches = (
        (inputs.to(device), targets.to(device))
        for inputs, targets in (
            split.batch(slice(start, start + batch_size)) for start in range(0, len(split), batch_size)
        )
    )
    return _judge(model, architecture, data, batches, total=len(split), bf16=False, should_prune=None).error


def outputs_of(network: nn.Module, split: Split, *, examples: int | None = None) -> Iterator[Batch]:
    """Give the outputs ``(B, ...)`` of a network and the targets ``(B, ...)``, batch by batch.

    Parameters
    ----------
    network
        A module of a single input, in evaluation mode.
    split
        Its examples, in the order in which an :class:`Evaluator` sees them.
    examples
        So many, as an :class:`Evaluator` draws them; all when ``None``.
    """
    device = next(network.parameters()).device
    for rows in torch.split(_order(split, examples), _BATCH_SIZE):
        inputs, targets = split.batch(rows)
        with torch.inference_mode():
            outputs = network(inputs.to(device))
        yield outputs, targets.to(device)


def _order(split: Split, examples: int | None) -> Tensor:
    return torch.randperm(len(split), generator=torch.Generator().manual_seed(_SEED))[:examples]


def _judge(
    model: nn.Module,
    architecture: Architecture | None,
    data: TaskData,
    batches: Iterable[Batch],
    *,
    total: int,
    bf16: bool,
    should_prune: Callable[[Quality], bool] | None,
) -> Quality:
    if isinstance(model, Supernet) != (architecture is not None):
        raise ValueError("an architecture is given with a supernet, and with nothing else")
    training = model.training
    model.eval()
    error, loss, shortened = data.tally(), Moments(), ByLength(model)
    try:
        with torch.inference_mode():
            for inputs, targets in batches:
                with autocast(inputs.device, bf16=bf16):
                    outputs = shortened(inputs) if architecture is None else model(inputs, architecture)
                outputs = outputs.float() if bf16 else outputs
                error.add(outputs, targets)
                loss.add(data.loss(outputs, targets, reduction="none"))
                if should_prune is not None and error.count < total and should_prune(_quality(error, loss, total)):
                    break
    finally:
        model.train(training)
    return _quality(error, loss, total)


def _quality(error: Tally, loss: Moments, total: int) -> Quality:
    return Quality(
        error=error.error,
        error_se=error.standard_error,
        loss=loss.mean,
        loss_se=loss.standard_error,
        examples=error.count,
        total=total,
    )
