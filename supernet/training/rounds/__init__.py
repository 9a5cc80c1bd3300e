"""The training of single networks in rounds, by Muon, from the weights of a relative or of a teacher."""

from supernet.training.rounds.inheritance import inherit_weights
from supernet.training.rounds.leaving_out import best_layers, without_layers
from supernet.training.rounds.muon import Muon, layer_matrices, orthogonalised
from supernet.training.rounds.teaching import Teaching, kept_outputs
from supernet.training.rounds.training import OPTIMIZERS, RoundTraining, round_rate

__all__ = [
    "OPTIMIZERS",
    "Muon",
    "RoundTraining",
    "Teaching",
    "best_layers",
    "inherit_weights",
    "kept_outputs",
    "layer_matrices",
    "orthogonalised",
    "round_rate",
    "without_layers",
]
