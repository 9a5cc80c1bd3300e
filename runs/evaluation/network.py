"""The network that a run means by an architecture: what is evaluated, tested and exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from torch import Tensor

from runs.files import new_folder
from runs.store import WeightOrigin
from search_space import Architecture
from supernet import Network, Supernet, extract
from supernet.calibration import is_calibrated
from supernet.saving import load_network, save_network
from supernet.tasks import TaskData
from supernet.training import TrainingConfig, distil

__all__ = ["NetworkSource", "Networks", "Reference", "weights_fingerprint"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What the files of an exported network are compared with.

    Parameters
    ----------
    compute
        From inputs to outputs, both on the processor.
    name
        What it is called.
    is_shared
        Whether the network is a copy out of shared weights, so that the copy itself is worth comparing.
    """

    compute: Callable[[Tensor], Tensor]
    name: str
    is_shared: bool = False


class NetworkSource(Protocol):
    """Gives the networks of a run by architecture, with the weights that they were evaluated by."""

    def __call__(self, architecture: Architecture, *, keep: bool = False) -> Network:
        """Return the network in evaluation mode, not calibrated; ``keep`` keeps its weights for later calls."""

    def origin(self, architecture: Architecture) -> WeightOrigin:
        """Return what the weights of a network come from, for an export to be known again by."""

    def reference(self, network: Network) -> Reference:
        """Return what the search evaluated, for a network of this source, calibrated or not."""


def weights_fingerprint(supernet_fingerprint: str, brief: TrainingConfig | None) -> str:
    """Return the hash of what decides the weights of every network of a run."""
    return supernet_fingerprint + ("" if brief is None else f"-{brief.hash}")


class Networks:
    """The networks of a run, by architecture: of the supernet's weights, or briefly finetuned.

    Parameters
    ----------
    supernet, fingerprint
        A trained supernet in evaluation mode, and what identifies its weights.
    data
        The task's data.
    brief
        How each network is finetuned before it is evaluated; ``None`` where the supernet's weights are.
    folder
        The run's folder, which keeps finetuned networks where that is asked for.
    """

    def __init__(
        self, supernet: Supernet, *, fingerprint: str, data: TaskData, brief: TrainingConfig | None, folder: Path
    ) -> None:
        self.supernet, self.fingerprint, self.data, self.brief = supernet, fingerprint, data, brief
        self._folder = folder / "brief"

    def origin(self, architecture: Architecture) -> WeightOrigin:
        """Return what the weights of a network come from, for an export to be known again by."""
        return WeightOrigin(supernet=self.fingerprint, finetuned=None if self.brief is None else self.brief.hash)

    def reference(self, network: Network) -> Reference:
        """Return the supernet wherever it computes the network, else the network itself."""
        if self.brief is not None:
            return Reference(compute=network, name="the finetuned network")
        if is_calibrated(network):  # the supernet knows no ranges
            return Reference(compute=network, name="the calibrated network")
        device = next(self.supernet.parameters()).device

        def compute(inputs: Tensor) -> Tensor:
            outputs: Tensor = self.supernet(inputs.to(device), network.architecture)
            return outputs.cpu()

        return Reference(compute=compute, name="the supernet", is_shared=True)

    def __call__(self, architecture: Architecture, *, keep: bool = False) -> Network:
        """Return the network in evaluation mode, not calibrated.

        On one machine, with one number of threads, the same weights come out every time. ``keep`` keeps those of a
        brief finetuning in the run's folder, for all later calls, so that what was tested is what is exported.
        """
        if self.brief is None:
            return extract(self.supernet, architecture).eval()
        kept = self._folder / f"{architecture.key}-{weights_fingerprint(self.fingerprint, self.brief)}"
        if kept.exists():
            return load_network(kept).to(next(self.supernet.parameters()).device)
        with TemporaryDirectory(prefix="nasweave-") as folder:
            network = distil(
                self.supernet,
                architecture,
                self.data,
                self.brief,
                supernet_fingerprint=self.fingerprint,
                folder=Path(folder),
            )
        if keep:
            with new_folder(kept) as new:
                save_network(network, new)
        return network
