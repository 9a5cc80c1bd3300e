"""Where networks are trained and evaluated: the processor, or a CUDA device of each process's own."""

from __future__ import annotations

import os

import torch

from search_space.errors import ConfigError

__all__ = ["ACCELERATORS", "torch_device"]

ACCELERATORS = ("cpu", "cuda")


def torch_device(accelerator: str) -> torch.device:
    """Return the device that ``accelerator=`` names; under ``torchrun`` each process of a machine has another one.

    Raises
    ------
    ConfigError
        There are fewer CUDA devices than processes on this machine.
    """
    if accelerator == "cpu":
        return torch.device("cpu")
    index, found = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if index >= found:
        raise ConfigError(
            "accelerator",
            expected=f"{index + 1} CUDA devices for {accelerator}",
            got=str(found),
            remedy="run on a machine with them and a CUDA build of torch, start fewer processes, or accelerator=cpu",
        )
    return torch.device("cuda", index)
