"""Texts at about their own lengths: padding is computed for as long as the longest of a batch, not of the data.

Most texts are much shorter than the longest. A network for a shorter sequence computes the same of a text and padding
there, with the same weights: the blocks are made again for that length, for their masks, decays and chunks depend on
it, and hold the parameters of the first network. Blocks that compute something else in another length say so
(``BlockSpec.length_bound``); networks with one always have the whole length.

Shape legend: B batch, L tokens of the task, S those of a shorter sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from search_space.precision import FLOAT, FORMATS
from supernet.blocks import TokenMixer
from supernet.catalogue import CHANNEL_MIXERS, HEADS, MIXERS
from supernet.model import Network

__all__ = ["ByLength", "real_lengths", "shortened"]

_LENGTHS = 16  # at most, so that few networks are made
_LEAST = 4  # tokens between two of them


def real_lengths(inputs: Tensor) -> Tensor:
    """Return the tokens of each of ``(n, L)`` padded rows of ids up to its last real one, ``(n,)``, 1 at least."""
    place = torch.arange(1, inputs.shape[1] + 1, device=inputs.device)
    return ((inputs != 0) * place).amax(1).clamp(min=1)


def shortened(network: Network, length: int) -> Network:
    """Return the network of the same parameters and calibrations for ``length`` tokens, in the same mode."""
    task = network.geometry.task
    geometry = replace(network.geometry, task=replace(task, input_shape=(length,), seq_len=length))
    made = Network(network.architecture, geometry).to(next(network.parameters()).device).train(network.training)
    modules: Mapping[str, nn.Module] = dict(network.named_modules())
    for name, module in [*made.named_modules()]:
        given = modules[name]
        if isinstance(module, TokenMixer) and module.reads_shorter:
            made.set_submodule(name, given)
            continue
        for key in module._parameters:
            module._parameters[key] = given._parameters[key]
        for key in module._buffers.keys() - module._non_persistent_buffers_set:
            module._buffers[key] = given._buffers[key]
    return made


class ByLength:
    """A network as a function of ``(B, L)``, which computes no more padding than the longest text of a batch needs.

    Any other network, and any other module, is called as it is.

    Parameters
    ----------
    module
        The network; its parameters may change between calls.
    exact
        Whether networks that quantise their inputs in one range for all tokens of an example always have the whole
        length, for the range holds what the padding is computed to.
    """

    def __init__(self, module: nn.Module, *, exact: bool = True) -> None:
        self.module = module
        self._shorter: dict[int, Network] = {}
        self._step = 0
        if isinstance(module, Network) and _shortens(module) and not (exact and _ranges_of_examples(module)):
            self._step = max(_LEAST, -(-module.geometry.task.seq_len // _LENGTHS))

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs ``(B, ...)``."""
        module = self.module
        if self._step and isinstance(module, Network):
            longest = int(real_lengths(inputs).max())
            length = -(-longest // self._step) * self._step
            if length < inputs.shape[1]:
                inputs, module = inputs[:, :length], self._network(module, length)
        outputs: Tensor = module(inputs)
        return outputs

    def _network(self, network: Network, length: int) -> Network:
        if length not in self._shorter:
            self._shorter[length] = shortened(network, length)
        made = self._shorter[length]
        return made if made.training == network.training else made.train(network.training)


def _shortens(network: Network) -> bool:
    """Return whether shorter networks compute the same: those of padded texts, with outputs of a text as a whole."""
    task = network.geometry.task
    texts = task.padded and not task.causal and bool(task.vocab_size) and task.input_shape == (task.seq_len,)
    if not texts or HEADS[task.head].spec.per_token:
        return False
    specs = [MIXERS[la.mixer].spec for la in network.architecture.layers if not la.skips_mixer]
    specs += [CHANNEL_MIXERS[la.channel_mixer].spec for la in network.architecture.layers if not la.skips_channel_mixer]
    return not any(spec.length_bound for spec in specs)


def _ranges_of_examples(network: Network) -> bool:
    forms = [FORMATS[name] for name in network.precision_policy().values() if name != FLOAT]
    return any(form.activation_bits is not None and form.activation_group is None for form in forms)
