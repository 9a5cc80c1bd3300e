"""``bench.py``: with the openers of all runtimes, and of nasweave itself for weights that need its classes."""

from __future__ import annotations

from typing import Any

from hardware_profiles.portable.exported_folder import Opener
from hardware_profiles.portable.one_file import bench_program, runtime_openers
from hardware_profiles.runtime import Predict, Settings

__all__ = ["NASWEAVE", "program"]

NASWEAVE = "nasweave"
"""What runs ``model.safetensors``."""


def open_network(model: str | bytes, settings: Settings, threads: int) -> Predict:
    """Open the weights of a network beside their configuration."""
    from pathlib import Path

    import torch

    from supernet.saving import load_network

    assert isinstance(model, str), "weights are opened as a file, for their configuration lies beside"
    torch.set_num_threads(threads)
    network = load_network(Path(model).parent)

    def predict(batch: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(batch)).numpy()

    return predict


def program() -> str:
    """Return the text of ``bench.py``."""
    own = Opener(package="supernet", needs="nasweave, as its README says", open_model=open_network)
    return bench_program({**runtime_openers(), NASWEAVE: own})
