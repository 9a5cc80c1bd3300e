"""What a network has for weights before its first step: random ones, or those of a checkpoint."""

from __future__ import annotations

import hashlib

import torch

from runs.evaluation.rounds import Start, random_start
from runs.pipeline.context import Context
from search_space import Architecture
from supernet import Network, Supernet, extract

__all__ = ["start_of"]


def start_of(context: Context) -> tuple[Start, str]:
    """Return what gives a network of the run its first weights, and a name of these weights."""
    seed = context.config.training.seed
    if context.pretrained is None:
        return random_start(context.space, seed=seed), f"random {seed}"
    supernet = Supernet(context.space, generator=torch.Generator().manual_seed(seed))
    context.pretrained.initialise(supernet)

    def start(architecture: Architecture) -> Network:
        return extract(supernet, architecture)

    return start, hashlib.sha256(f"{context.pretrained.hash}-{context.space.fingerprint}".encode()).hexdigest()[:12]
