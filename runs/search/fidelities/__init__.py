"""The search in fidelities: which network to train next, and for how long; arithmetic on genes alone."""

from runs.search.fidelities.affinity import block_affinity
from runs.search.fidelities.config import FidelitiesConfig
from runs.search.fidelities.costs import step_cost
from runs.search.fidelities.loop import Bought, Keeper, buy_training
from runs.search.fidelities.search import FidelitySearch
from runs.search.fidelities.task import Action, FidelityTask, Observation

__all__ = [
    "Action",
    "Bought",
    "FidelitiesConfig",
    "FidelitySearch",
    "FidelityTask",
    "Keeper",
    "Observation",
    "block_affinity",
    "buy_training",
    "step_cost",
]
