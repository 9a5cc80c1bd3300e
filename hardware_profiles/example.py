"""What a module is prepared and timed on: one input, or several by name, as a step of a decoder takes.

No torch is imported for it: a profile is read without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    Example = Tensor | Mapping[str, Tensor]
else:
    Example = Any

__all__ = ["Arrays", "Example", "arrays_of", "batch_size_of", "whole_array_of"]

Arrays = NDArray[np.generic] | Mapping[str, NDArray[np.generic]]
"""The same as an executable takes it."""


def batch_size_of(example: Example) -> int:
    """Return the number of examples: of several inputs, that of the first one."""
    first = next(iter(example.values())) if isinstance(example, Mapping) else example
    return int(first.shape[0])


def whole_array_of(example: Example) -> NDArray[np.generic]:
    """Return the numbers of one input."""
    assert not isinstance(example, Mapping), "a file holds one input"
    return example.numpy()


def arrays_of(example: Example) -> Arrays:
    """Return the same numbers for an executable."""
    return {n: t.numpy() for n, t in example.items()} if isinstance(example, Mapping) else example.numpy()
