"""Neural architecture search for transformers: from a data set, a device and a budget to a measured, exported network.

    import nasweave as nw

    run = nw.create_run("small", task="digits", budget={"latency_ms": 0.05})
    run.search(time_budget="5m")
    print(run.front(measured=True))
    print(run.export("auto").path)

Each name is imported when it is first used, so that ``import nasweave`` loads neither PyTorch nor Optuna. Nothing is
printed unless ``progress=True``; warnings go to loggers below ``nasweave``, which show them where logging is set up.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardware_profiles.profile import Profile
    from hardware_profiles.setting import Setting
    from predictors.cost import CostModel
    from predictors.latency import LatencyPredictor
    from predictors.quality import QualityPredictor
    from runs.api.compressing import compress
    from runs.api.exported import Exported, load_network, load_profile
    from runs.api.opening import create_run, load_run
    from runs.api.run import Run
    from runs.api.spaces import device, doctor, space, task
    from runs.api.study import sampler
    from runs.service.client.connection import connect
    from search_space.architecture import Architecture, Layer
    from search_space.errors import NasweaveError
    from search_space.space import SearchSpace

__all__ = [
    "Architecture",
    "CostModel",
    "Exported",
    "LatencyPredictor",
    "Layer",
    "NasweaveError",
    "Profile",
    "QualityPredictor",
    "Run",
    "SearchSpace",
    "Setting",
    "compress",
    "connect",
    "create_run",
    "device",
    "doctor",
    "load_network",
    "load_profile",
    "load_run",
    "sampler",
    "space",
    "task",
]

_SOURCES = {
    "Architecture": "search_space.architecture",
    "CostModel": "predictors.cost",
    "Exported": "runs.api.exported",
    "LatencyPredictor": "predictors.latency",
    "Layer": "search_space.architecture",
    "NasweaveError": "search_space.errors",
    "Profile": "hardware_profiles.profile",
    "QualityPredictor": "predictors.quality",
    "Run": "runs.api.run",
    "SearchSpace": "search_space.space",
    "Setting": "hardware_profiles.setting",
    "compress": "runs.api.compressing",
    "connect": "runs.service.client.connection",
    "create_run": "runs.api.opening",
    "device": "runs.api.spaces",
    "doctor": "runs.api.spaces",
    "load_network": "runs.api.exported",
    "load_profile": "runs.api.exported",
    "load_run": "runs.api.opening",
    "sampler": "runs.api.study",
    "space": "runs.api.spaces",
    "task": "runs.api.spaces",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent, unless a program sets logging up


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("nasweave")
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_SOURCES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
