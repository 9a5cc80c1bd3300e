"""Data-parallel training under ``torchrun``: equal shards of each batch, averaged gradients, one writer.

Every process draws the same subnets and therefore has gradients for the same parameters, so one flat all-reduce a step
suffices. Outside ``torchrun`` there is one rank and nothing is communicated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from search_space.errors import ConfigError

__all__ = ["Ranks", "process_group"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """Which of how many processes this one is."""

    rank: int = 0
    size: int = 1

    @property
    def is_writer(self) -> bool:
        """Whether this process writes files and reports progress."""
        return self.rank == 0

    def check_batch(self, batch_size: int) -> None:
        """Raise ``ConfigError`` for a batch that has no equal shards, as means of unequal ones would be weighted."""
        if batch_size % self.size:
            raise ConfigError(
                "training.batch_size",
                expected=f"a multiple of the {self.size} processes",
                got=str(batch_size),
                remedy="change either",
            )

    def shard(self, batch: Tensor) -> Tensor:
        """Return this process's part of ``(B, ...)``."""
        return batch if self.size == 1 else batch.chunk(self.size)[self.rank]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""
        if self.size == 1:
            return
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def process_group() -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, or a group that exists already; else be alone."""
    if dist.is_available() and dist.is_initialized():
        yield Ranks(rank=dist.get_rank(), size=dist.get_world_size())
    elif dist.is_available() and dist.is_torchelastic_launched():
        dist.init_process_group("gloo")
        try:
            yield Ranks(rank=dist.get_rank(), size=dist.get_world_size())
            dist.barrier()  # gloo aborts a process whose peer leaves while its own threads still run
        finally:
            dist.destroy_process_group()
    else:
        yield Ranks()
