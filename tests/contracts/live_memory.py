"""How many values PyTorch keeps alive at once while a module runs: the truth that ``Cost.peak_activations`` claims.

Every storage that an operator returns is watched through a weak reference; views share one. Workspace that a kernel
allocates and frees inside itself is not seen, and is no activation.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):
    """Counts the values of all storages that were created inside and still live, and of those told of."""

    def __init__(self, *given: Tensor) -> None:
        super().__init__()
        self._live: dict[weakref.ref[Any], tuple[int, str]] = {}
        self._known: set[int] = set()
        self.now = self.peak = 0
        self.at_peak: list[tuple[int, str]] = []
        for tensor in given:
            self._watch(tensor, "input")

    def ignore(self, tensor: Tensor) -> None:
        """Leave out a parameter or buffer."""
        self._known.add(tensor.untyped_storage()._cdata)

    def _watch(self, tensor: Tensor, origin: str) -> None:
        storage = tensor.untyped_storage()
        address, size = storage._cdata, storage.nbytes() // tensor.element_size()
        if address in self._known:
            return
        self._known.add(address)

        def gone(reference: weakref.ref[Any]) -> None:
            self._known.discard(address)
            self.now -= self._live.pop(reference)[0]

        self._live[weakref.ref(storage, gone)] = (size, origin)
        self.now += size
        if self.now > self.peak:
            self.peak, self.at_peak = self.now, list(self._live.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._watch(leaf, str(func))
        return result


def peak_values(module: torch.nn.Module, x: Tensor) -> LiveMemory:
    """Run ``module`` on ``x`` without gradients and return what was seen; ``x`` counts, parameters do not."""
    watch = LiveMemory(x)
    for tensor in (*module.parameters(), *module.buffers()):
        watch.ignore(tensor)
    with torch.no_grad(), watch:
        module(x)
    return watch
