"""The search: which network to evaluate next, and a study that holds every one that was.

Names are imported when they are first used: :mod:`runs.search.algorithms` needs numpy alone, not Optuna.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runs.search.algorithms.ask_tell import Surrogate
    from runs.search.algorithms.genotype import CostFunction
    from runs.search.config import Evaluated, SearchConfig, SearchResult, WorkersConfig
    from runs.search.loop import Evaluate, SearchError, run_search
    from runs.search.optuna.genes import architecture_of_trial, distributions
    from runs.search.optuna.sampler import SpaceSampler
    from runs.search.problem import Problem
    from runs.search.recorder import Recorder, StoreRecorder, StudyRecord
    from runs.search.registry import SAMPLERS, Sampler, build_sampler
    from runs.search.workers.group import WorkerGroup

__all__ = [
    "SAMPLERS",
    "CostFunction",
    "Evaluate",
    "Evaluated",
    "Problem",
    "Recorder",
    "Sampler",
    "SearchConfig",
    "SearchError",
    "SearchResult",
    "SpaceSampler",
    "StoreRecorder",
    "StudyRecord",
    "Surrogate",
    "WorkerGroup",
    "WorkersConfig",
    "architecture_of_trial",
    "build_sampler",
    "distributions",
    "run_search",
]

_MODULES = {
    "algorithms.ask_tell": ("Surrogate",),
    "algorithms.genotype": ("CostFunction",),
    "config": ("Evaluated", "SearchConfig", "SearchResult", "WorkersConfig"),
    "loop": ("Evaluate", "SearchError", "run_search"),
    "optuna.genes": ("architecture_of_trial", "distributions"),
    "optuna.sampler": ("SpaceSampler",),
    "problem": ("Problem",),
    "recorder": ("Recorder", "StoreRecorder", "StudyRecord"),
    "registry": ("SAMPLERS", "Sampler", "build_sampler"),
    "workers.group": ("WorkerGroup",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
