"""Where the networks of a run come from, whichever way it searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from runs.store import WeightOrigin
from search_space import Architecture
from supernet import Network

__all__ = ["NetworkSource", "Reference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What the files of an exported network are compared with.

    Parameters
    ----------
    compute
        From inputs to outputs, both on the processor.
    name
        What it is called.
    is_shared
        Whether the network is a copy out of shared weights, so that the copy itself is worth comparing.
    """

    compute: Callable[[Tensor], Tensor]
    name: str
    is_shared: bool = False


class NetworkSource(Protocol):
    """Gives the networks of a run by architecture, with the weights that they were evaluated by."""

    def __call__(self, architecture: Architecture, *, keep: bool = False) -> Network:
        """Return the network in evaluation mode, not calibrated; ``keep`` keeps its weights for later calls."""

    def origin(self, architecture: Architecture) -> WeightOrigin:
        """Return what the weights of a network come from, for an export to be known again by."""

    def reference(self, network: Network) -> Reference:
        """Return what the search evaluated, for a network of this source, calibrated or not."""
