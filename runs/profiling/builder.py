"""Modules of blocks and networks for the profiler."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hardware_profiles import Built, Subject
from search_space import Architecture, SearchSpace
from supernet import Network, block_module, example_input
from supernet.blocks import deployed
from supernet.elastic import reset_parameters

__all__ = ["Builder"]


class Builder:
    """Builds a subject in float with an example of its input.

    Parameters
    ----------
    space
        Space of the subjects.
    batch_size
        Examples in the input.
    networks
        Gives whole networks, whose weights are taken; random ones otherwise, which cost the same.
    """

    def __init__(
        self, space: SearchSpace, *, batch_size: int, networks: Callable[[Architecture], Network] | None = None
    ) -> None:
        self.space, self.batch_size, self.networks = space, batch_size, networks

    def __call__(self, subject: Subject) -> Built:
        """Return the module, its input and its precision policy."""
        generator = torch.Generator().manual_seed(0)
        task = self.space.geometry.task
        if isinstance(subject, Architecture):
            network = Network(subject, self.space.geometry, simulate_precision=False)
            if self.networks is None:
                reset_parameters(network, generator)
            else:
                network.load_state_dict(self.networks(subject).state_dict())
            example = example_input(task, batch_size=self.batch_size, generator=generator)
            return Built(module=deployed(network.eval()), example=example, policy=network.precision_policy())
        module = block_module(subject, self.space.geometry, generator=generator)
        if subject.kind == "stem":
            example = example_input(task, batch_size=self.batch_size, generator=generator)
        else:
            example = torch.randn(self.batch_size, task.seq_len, subject.embed_dim, generator=generator)
        return Built(module=deployed(module), example=example, policy=module.precision_policy())
