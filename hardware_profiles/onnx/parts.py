"""What a module says of itself so that its graph can be put together: its parts, and how values flow between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hardware_profiles.example import Example

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

__all__ = ["INNER", "Composable", "Part", "Stateful"]

INNER = "inner"
"""The attribute of a part's module that holds everything with weights."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """One part of a module, with the weights that it has there.

    Parameters
    ----------
    name
        Of its values in the graph; no other part has it.
    recipe
        A line of JSON that decides its graph, weights apart: parts of one recipe share a template.
    module
        In evaluation mode, in float; from tensors to a tensor or several, all with the batch as their first axis.
    path
        Where in the whole module the part's attribute :data:`INNER` is.
    inputs, outputs
        Names of the values that it reads and writes.
    example
        Returns inputs of two examples, which no batch axis has the size of by chance.
    """

    name: str
    recipe: str
    module: nn.Module
    path: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    example: Callable[[Generator], tuple[Tensor, ...]]


@runtime_checkable
class Composable(Protocol):
    """A module that consists of parts."""

    def parts(self, example: Example) -> Sequence[Part] | None:
        """Return the parts in the order in which they run, or ``None`` where it has none for such an input.

        The first reads :data:`hardware_profiles.onnx.export.INPUT`; the last writes its ``OUTPUT``.
        """


class Stateful(Protocol):
    """A module of several inputs and outputs: a step, which takes and returns what is remembered."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it returns; the first is :data:`hardware_profiles.onnx.export.OUTPUT`."""
