"""The search: which network to evaluate next, and a study that holds every one that was."""

from runs.search.algorithms.ask_tell import Surrogate
from runs.search.algorithms.guided import GuidedSearch
from runs.search.config import Evaluated, SearchConfig, SearchResult, WorkersConfig
from runs.search.loop import SearchError, run_search
from runs.search.optuna.genes import distributions
from runs.search.optuna.sampler import SAMPLERS, CostFunction, Problem, SpaceSampler
from runs.search.recorder import Recorder, StoreRecorder
from runs.search.workers.claims_loop import WorkerGroup

__all__ = [
    "SAMPLERS",
    "CostFunction",
    "Evaluated",
    "GuidedSearch",
    "Problem",
    "Recorder",
    "SearchConfig",
    "SearchError",
    "SearchResult",
    "SpaceSampler",
    "StoreRecorder",
    "Surrogate",
    "WorkerGroup",
    "WorkersConfig",
    "distributions",
    "run_search",
]
