"""Modules of blocks and networks for the profiler."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hardware_profiles import Built, Setting, Subject
from search_space import Architecture, SearchSpace
from supernet import Network, block_module, example_input
from supernet.blocks import deployed
from supernet.composing.steps import BlockStep, NetworkStep, block_step
from supernet.elastic import reset_parameters

__all__ = ["Builder"]


class Builder:
    """Builds a subject in float with an example of its input.

    Parameters
    ----------
    space
        Space of the subjects.
    setting
        Examples in the input, their length, and whether they are whole ones or the next token of a decoder.
    networks
        Gives whole networks, whose weights are taken; random ones otherwise, which cost the same.
    """

    def __init__(
        self, space: SearchSpace, *, setting: Setting, networks: Callable[[Architecture], Network] | None = None
    ) -> None:
        self.space, self.setting, self.networks = space, setting, networks
        self.geometry = space.geometry.of_length(setting.tokens)

    def __call__(self, subject: Subject) -> Built:
        """Return the module, its input and its precision policy."""
        generator = torch.Generator().manual_seed(0)
        if self.setting.phase == "decode":
            return self._step(subject, generator)
        if isinstance(subject, Architecture):
            network = self._network(subject, generator)
            return Built(module=network, example=self._input(generator), policy=network.precision_policy())
        module = block_module(subject, self.geometry, generator=generator)
        if subject.kind == "stem":
            example = self._input(generator)
        else:
            size = self.setting.batch_size, self.geometry.task.seq_len, subject.embed_dim
            example = torch.randn(size, generator=generator)
        return Built(module=deployed(module), example=example, policy=module.precision_policy())

    def _step(self, subject: Subject, generator: torch.Generator) -> Built:
        step: NetworkStep | BlockStep
        if isinstance(subject, Architecture):
            step = NetworkStep(self._network(subject, generator)).eval()
        else:
            step = deployed(block_step(subject, self.geometry, generator=generator))
        example = step.example(self.setting.batch_size, generator=generator)
        return Built(module=step, example=example, policy=step.precision_policy())

    def _network(self, architecture: Architecture, generator: torch.Generator) -> Network:
        network = Network(architecture, self.geometry, simulate_precision=False)
        if self.networks is None:
            reset_parameters(network, generator)
        else:
            source = self.networks(architecture).state_dict()
            with torch.no_grad():  # positions beyond the length that is measured are left out
                for name, target in network.state_dict().items():
                    target.copy_(source[name][tuple(slice(size) for size in target.shape)])
        return deployed(network.eval())

    def _input(self, generator: torch.Generator) -> Tensor:
        return example_input(self.geometry.task, batch_size=self.setting.batch_size, generator=generator)
