"""The training of single networks in rounds, by Muon, from the weights of a relative."""

from supernet.training.rounds.inheritance import inherit_weights
from supernet.training.rounds.muon import Muon, layer_matrices, orthogonalised
from supernet.training.rounds.training import OPTIMIZERS, RoundTraining, round_rate

__all__ = ["OPTIMIZERS", "Muon", "RoundTraining", "inherit_weights", "layer_matrices", "orthogonalised", "round_rate"]
