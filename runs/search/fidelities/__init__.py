"""The search in fidelities: which network to train next, and for how long; arithmetic on genes alone."""

from runs.search.fidelities.affinity import block_affinity
from runs.search.fidelities.search import FidelitySearch
from runs.search.fidelities.task import Action, FidelityTask, Observation

__all__ = ["Action", "FidelitySearch", "FidelityTask", "Observation", "block_affinity"]
