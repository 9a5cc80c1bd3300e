"""The modules of a block's variants, which differ in options that a space searches, over one set of weights.

A variant is a module of its own with the buffers that it needs. Weights of one name are one parameter in all variants
whose shapes are equal, or differ only by options of which the block says that they are nested: then it has the largest
size along each axis, and each variant uses a prefix. No weight is ever copied.

Paper: Chen et al. 2021, AutoFormer (weight entanglement).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from search_space import Block, Geometry
from search_space.options import Options

__all__ = ["Variants", "apart_options"]


class Variants(nn.ModuleDict):
    """The variants of the mixers, or channel mixers, of one layer.

    The first variant of a block has the block's key as its name, so that the weights of a layer of one variant have
    the same names whichever variant it is.

    Parameters
    ----------
    geometry
        Shapes and options of the space.
    blocks
        One for each variant, at the largest sizes it will be used at.
    registry
        The class of each block.
    """

    def __init__(self, geometry: Geometry, blocks: Sequence[Block], registry: Mapping[str, Any]) -> None:
        counts: dict[str, int] = defaultdict(int)
        names: dict[tuple[str, Options], str] = {}
        for block in blocks:
            count = counts[block.key]
            names[block.key, block.options] = f"{block.key}-{count}" if count else block.key
            counts[block.key] += 1
        super().__init__({names[b.key, b.options]: registry[b.key](geometry.shape(b)) for b in blocks})
        self._names = names
        for key, count in counts.items():
            if count > 1:
                nested = registry[key].spec.nested_options
                _share((self.of(b.key, b.options), apart_options(b, nested)) for b in blocks if b.key == key)

    def name_of(self, key: str, options: Options) -> str:
        """Return the name of the module of a variant."""
        return self._names[key, options]

    def of(self, key: str, options: Options) -> nn.Module:
        """Return the module of a variant; ``KeyError`` where there is none."""
        return self[self._names[key, options]]


def apart_options(block: Block, nested: frozenset[str]) -> Options:
    """Return the options that set the weights of a variant apart where they change shapes."""
    return tuple(option for option in block.options if option[0] not in nested)


def _share(variants: Iterable[tuple[nn.Module, Options]]) -> None:
    """Give variants of one block the same parameters, as far as they are alike."""
    found = list(variants)
    largest: dict[tuple[Options, str, int], torch.Size] = {}
    for module, apart in found:
        for name, parameter in module.named_parameters():
            place = (apart, name, parameter.ndim)
            sizes = zip(parameter.shape, largest.get(place, parameter.shape), strict=True)
            largest[place] = torch.Size(map(max, sizes))
    shared: dict[tuple[str, torch.Size], nn.Parameter] = {}
    for module, apart in found:
        for name, parameter in list(module.named_parameters()):
            shape = largest[apart, name, parameter.ndim]
            mine = shared.get((name, shape))
            if mine is None:
                mine = parameter if parameter.shape == shape else nn.Parameter(parameter.new_empty(shape))
                shared[name, shape] = mine
            path, _, attribute = name.rpartition(".")
            setattr(module.get_submodule(path), attribute, mine)
