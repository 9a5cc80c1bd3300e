"""The networks of a search in fidelities, each with the weights that it was trained to, and their quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runs.evaluation.network import Reference
from runs.evaluation.quality import named
from runs.evaluation.rounds import RoundsEvaluator, missing_network
from runs.store import WeightOrigin
from search_space import Architecture
from supernet import Network
from supernet.calibration import calibrate
from supernet.tasks import TaskData

__all__ = ["TrainedEvaluator", "TrainedNetworks"]


class TrainedNetworks:
    """The networks of a run by architecture, as they were trained last.

    Parameters
    ----------
    rounds
        Where networks are found: the search's first, then what it is compared with.
    """

    def __init__(self, rounds: Sequence[RoundsEvaluator]) -> None:
        self.rounds = rounds

    @property
    def data(self) -> TaskData:
        """The task's data."""
        return self.rounds[0].data

    def __call__(self, architecture: Architecture, *, keep: bool = False) -> Network:
        """Return the network in evaluation mode, not calibrated; its checkpoint stays in any case.

        Raises
        ------
        CheckpointError
            It was never trained.
        """
        return self.rounds_of(architecture).network(architecture)

    def holds(self, architecture: Architecture) -> bool:
        """Return whether a network was trained."""
        return any(rounds.holds(architecture) for rounds in self.rounds)

    def origin(self, architecture: Architecture) -> WeightOrigin:
        """Return what the weights of a network come from, for an export to be known again by."""
        rounds = self.rounds_of(architecture)
        return WeightOrigin(trained=f"{rounds.steps(architecture)} steps, {rounds.config.hash}")

    def reference(self, network: Network) -> Reference:
        """Return the network itself: it was trained and evaluated alone."""
        return Reference(compute=network, name="the trained network")

    def rounds_of(self, architecture: Architecture) -> RoundsEvaluator:
        """Return what trained a network, and can train it further.

        Raises
        ------
        CheckpointError
            Nothing has.
        """
        for rounds in self.rounds:
            if rounds.holds(architecture):
                return rounds
        raise missing_network(self.rounds[0].path(architecture))


class TrainedEvaluator:
    """Gives the quality of trained networks, and of their forms in other precisions.

    Parameters
    ----------
    networks
        The networks of the run.
    candidates
        Returns the architectures that were trained.
    """

    def __init__(self, networks: TrainedNetworks, *, candidates: Callable[[], Sequence[Architecture]]) -> None:
        self.networks, self._candidates = networks, candidates

    def __call__(self, architecture: Architecture, *, whole: bool = True) -> dict[str, float]:
        """Return the quality of a network that was trained, or that differs from such a one in precision alone.

        Raises
        ------
        CheckpointError
            There is no such network.
        """
        return named(self.networks.rounds[0].evaluator(calibrate(self._network(architecture), self.networks.data)))

    def _network(self, architecture: Architecture) -> Network:
        if self.networks.holds(architecture):
            return self.networks(architecture)
        plain = architecture.in_float()
        for other in self._candidates():
            if other.in_float() == plain and self.networks.holds(other):
                source = self.networks(other)
                network = Network(architecture, source.geometry)
                network.load_state_dict(source.state_dict())
                return network.to(next(source.parameters()).device).eval()
        return self.networks(architecture)  # raises
