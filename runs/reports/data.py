"""What a report is made of: plain values, read from no database and no configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runs.objectives import OBJECTIVES, Objective
from runs.objectives.front import quality_of
from runs.reports.judged import Answered, Doubt
from runs.reports.references import SimpleModel
from search_space.architecture import Architecture
from search_space.metric import ACCURACY, Metric
from search_space.summary import DataSummary

__all__ = ["ReportData", "ReportedNetwork", "Sensitivity", "Source", "minimised"]

Source = Literal["search", "smallest", "largest", "uniform", "random"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedNetwork:
    """One evaluated network.

    Parameters
    ----------
    objectives
        Every value by name, the objectives and further ones (``params``, ``flops``), as the search saw them.
    latency_interval_ms
        Lower and upper end of the predictor's interval.
    latency_measured_ms
        Measured on the device after the search; finalists only.
    test_error
        On the test split, in the unit of the report's ``metric``; finalists only.
    noise
        Standard error of each value that was evaluated, by name.
    fraction
        Share of the validation examples that it was judged by: below 1 where the evaluation was stopped early.
    whole_error
        On the whole validation split in full precision, where the search looked at less; finalists only.
    near_front
        Whether it is not on the front and the noise of the evaluation alone may be why.
    training_steps
        That a search in fidelities trained it for.
    decode_measured_ms
        Latency of the step of one more token, measured; finalists of a causal task only.
    """

    key: str
    architecture: Architecture
    source: Source
    trial_number: int | None = None
    objectives: Mapping[str, float]
    latency_predicted_ms: float
    latency_interval_ms: tuple[float, float]
    latency_measured_ms: float | None = None
    test_error: float | None = None
    on_front: bool = False
    feasible: bool = True
    noise: Mapping[str, float] = field(default_factory=dict)
    fraction: float = 1.0
    whole_error: float | None = None
    near_front: bool = False
    training_steps: int | None = None
    decode_measured_ms: float | None = None

    @property
    def searched(self) -> bool:
        """Whether the search spent an evaluation on it; the corners may be its first trials."""
        return self.source == "search" or (self.source != "random" and self.trial_number is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensitivity:
    """How the validation loss of a network changes when one sub-block, or every one, is in an integer precision.

    Parameters
    ----------
    key
        Of the network, whose own precisions play no part.
    sub_blocks
        Those that have precisions, from input to output, then ``all``.
    precisions
        The space's integer precisions.
    loss_change
        Relative to the loss in float, for each sub-block and precision.
    examples
        Of the validation split, that the losses are means over.
    """

    key: str
    sub_blocks: tuple[str, ...]
    precisions: tuple[str, ...]
    loss_change: tuple[tuple[float, ...], ...]
    examples: int

    def __post_init__(self) -> None:
        if {len(row) for row in self.loss_change} != {len(self.precisions)}:
            raise ValueError("a value for each precision")
        if len(self.loss_change) != len(self.sub_blocks):
            raise ValueError("a row for each sub-block")

    @property
    def percent(self) -> NDArray[np.float64]:
        """The changes in percent, ``(sub_blocks, precisions)``."""
        return 100 * np.array(self.loss_change)

    @property
    def limit(self) -> float:
        """Where the scale of colours ends, in percent: the largest change of a sub-block alone, but not below one."""
        return float(np.abs(self.percent[:-1]).max(initial=1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportData:
    """Everything the report shows.

    Parameters
    ----------
    objectives
        One or more, in order; the first that needs an evaluation is the quality of a network.
    networks
        In order of evaluation. ``random`` ones are the random-search baseline, in their own order.
    budget
        Bound of each bounded objective or further value, by name.
    corners
        ``smallest``, ``middle``, ``largest``: their values by name.
    hypervolume_reference
        One value an objective, in the objective's own unit and direction.
    chosen
        From a label (``knee``, ``fastest within budget``, ``best quality``) to the key of a network.
    exported, exported_as
        The key of the network that is exported, and how it was chosen: ``knee``, ``best``, ``fastest``, or empty for
        one that the user named.
    simple_models
        What models without a search reach on the same split.
    predictor_summary
        Relative gaps, coverage and noise floor as fractions.
    training_curve
        Pairs of step and loss.
    sensitivity
        What each precision costs each sub-block of one network.
    seconds
        Duration of each stage.
    classes
        What the exported network answers, class by class.
    doubt
        The best and the worst network of the front beside the noise of the validation split; ``None`` where no examples
        decide, or for a single network.
    metric
        Of the task: what the test error and the validation error on a whole split stand for.
    summary
        What the data was understood to be.
    command, export_command
        What was typed, and the command that exports a network when ``key=...`` is added.
    """

    title: str
    task: str
    space_name: str
    space_fingerprint: str
    log10_size: float
    objectives: tuple[Objective, ...]
    networks: tuple[ReportedNetwork, ...]
    hypervolume_reference: tuple[float, ...]
    budget: Mapping[str, float] = field(default_factory=dict)
    device: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    corners: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    exported: str | None = None
    exported_as: str = ""
    simple_models: tuple[SimpleModel, ...] = ()
    predictor_summary: Mapping[str, float] = field(default_factory=dict)
    training_curve: tuple[tuple[int, float], ...] = ()
    sensitivity: Sensitivity | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    classes: Answered | None = None
    doubt: Doubt | None = None
    metric: Metric = ACCURACY
    summary: DataSummary = field(default_factory=DataSummary)
    command: str = ""
    export_command: str = "nasweave export"
    sequences: int = 1

    def __post_init__(self) -> None:
        names = [o.name for o in self.objectives]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"objectives {names}")
        if len(self.hypervolume_reference) != len(names):
            raise ValueError("one reference value an objective")
        if not self.networks:
            raise ValueError("a report of no networks")
        for n in self.networks:
            if n.key != n.architecture.key:
                raise ValueError(f"{n.key} is not the key of its architecture")
            if not all(math.isfinite(n.objectives.get(o.name, math.nan)) for o in self.shown):
                raise ValueError(f"{n.key} without a number for each objective: {n.objectives}")
        keys = {n.key for n in self.networks}
        if set(self.chosen.values()) - keys:
            raise ValueError("a chosen network that is not in the report")
        if self.exported is not None and self.exported not in keys:
            raise ValueError("an exported network that is not in the report")

    @property
    def quality(self) -> Objective:
        """The objective that says how good a network is."""
        return quality_of(self.objectives)

    @property
    def costs(self) -> tuple[Objective, ...]:
        """What the quality is paid with: the other objectives, or the latency where there is only one objective."""
        others = tuple(o for o in self.objectives if o is not self.quality)
        return others or (OBJECTIVES["validation_error" if self.quality.name == "latency_ms" else "latency_ms"],)

    @property
    def shown(self) -> tuple[Objective, ...]:
        """The quality and its costs: two or more, for axes and columns."""
        return (self.quality, *self.costs)

    @property
    def front(self) -> tuple[ReportedNetwork, ...]:
        """The networks on the front, each once, from the cheapest to the most expensive."""
        unique = {n.key: n for n in reversed(self.networks) if n.on_front}
        order = (*self.costs, self.quality)
        return tuple(sorted(unique.values(), key=lambda n: [o.sign * n.objectives[o.name] for o in order]))

    @property
    def simple_model(self) -> SimpleModel | None:
        """The simple model of the least validation error."""
        return min(self.simple_models, key=lambda m: m.validation_error, default=None)

    @property
    def labels(self) -> dict[str, str]:
        """What each chosen network is called, by key: ``knee, best quality``."""
        out: dict[str, str] = {}
        for label, key in self.chosen.items():
            out[key] = f"{out[key]}, {label}" if key in out else label
        return out

    def network(self, key: str) -> ReportedNetwork:
        """Return the first network of that key."""
        return next(n for n in self.networks if n.key == key)

    def of_source(self, source: Source) -> tuple[ReportedNetwork, ...]:
        """Return the networks of one source, in order."""
        return tuple(n for n in self.networks if n.source == source)


def minimised(networks: Sequence[ReportedNetwork], objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """Return the objectives of networks, ``(n, m)``, with the sign that makes every one of them minimised."""
    rows = [[o.sign * n.objectives[o.name] for o in objectives] for n in networks]
    return np.array(rows, np.float64).reshape(len(networks), len(objectives))
