"""A small training as a process of its own, to be killed or started several times: ``python -m ... folder [batch]``."""

import sys
from pathlib import Path

import torch

from search_space import space_from_mapping
from supernet import catalogue
from supernet.tasks import TASKS
from supernet.training import TrainingConfig, train

SPACE = {
    "name": "job",
    "embed_dim": [16, 32],
    "depth": [1, 2],
    "head_dim": 8,
    "mixer": ["softmax", "identity"],
    "num_heads": [1, 2],
    "channel_mixer": ["mlp", "identity"],
    "ratio": [1, 2],
    "precision": ["float", "w8a8", "w4"],
}


def job(*, steps: int = 30, batch_size: int = 16):
    """Return space, data and configuration."""
    data = TASKS["digits"].load()
    config = TrainingConfig(steps=steps, batch_size=batch_size, warmup_steps=5, checkpoint_every=7, seed=1)
    return space_from_mapping(SPACE, task=data.shape, catalogue=catalogue()), data, config


if __name__ == "__main__":
    torch.set_num_threads(1)
    space, data, config = job(steps=int(sys.argv[2]), batch_size=int(sys.argv[3]))
    train(space, data, config, folder=Path(sys.argv[1]), progress=lambda done, total, text: print(done, flush=True))
