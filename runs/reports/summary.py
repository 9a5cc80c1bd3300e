"""The findings of a report in words and series: units, the baselines, the hypervolume over evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.objectives import device_of
from runs.objectives.pareto import hypervolume_curve
from runs.reports.data import ReportData, ReportedNetwork, minimised
from runs.reports.units import bound_text, label_of, number, quantity, unit_of

__all__ = [
    "ERROR",
    "LATENCY",
    "Curve",
    "bare_error",
    "baselines",
    "budget_text",
    "coverage_curves",
    "covered",
    "doubtful_text",
    "error_label",
    "error_text",
    "gap_text",
    "measured",
    "metric_names",
    "size_text",
    "summary_text",
    "value_text",
]

LATENCY, ERROR = "latency_ms", "validation_error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Hypervolume after 1, 2, ..., n evaluations, as a share of the box from the ideal to the reference point."""

    name: str
    share: NDArray[np.float64]


def metric_names(data: ReportData) -> list[str]:
    """Return what is optimised and paid, then every further value of any network by name."""
    first = [o.name for o in data.shown]
    return first + sorted({name for n in data.networks for name in n.objectives} - set(first))


def value_text(data: ReportData, name: str, value: float | None) -> str:
    """Return a value with the unit of its objective, or the one its name tells."""
    unit = next((o.unit for o in data.objectives if o.name == name), unit_of(name))
    return quantity(value, data.metric.unit if name == ERROR else unit)


def doubtful_text(data: ReportData, network: ReportedNetwork, name: str) -> str:
    """Return a value of a network, with its standard error where it has one: ``1.4 ± 0.6 %``."""
    text, error = value_text(data, name, network.objectives[name]), network.noise.get(name)
    if error is None:
        return text
    value, _, unit = text.partition(" ")
    return f"{value} ± {value_text(data, name, error).partition(' ')[0]} {unit}".rstrip()


def error_text(data: ReportData, error: float, *, split: str = "test") -> str:
    """Return an error of the task in words, with its split: ``1.4 % test error``, ``test macro F1 75.7 %``."""
    if data.metric.error_name:
        return f"{bare_error(data, error)} {split} {data.metric.error_name}"
    return f"{split} {data.metric} {bare_error(data, error)}"


def error_label(data: ReportData, *, split: str = "test") -> str:
    """Return the heading of such errors: ``test error``, ``test macro F1``."""
    return f"{split} {data.metric.error_name or data.metric}"


def bare_error(data: ReportData, error: float | None) -> str:
    """Return an error of the task, or the metric that it stands for, with nothing but its unit: ``1.4 %``, ``2.25``."""
    metric = data.metric
    shown = error if error is None or metric.error_name else metric.value(error)
    return quantity(shown, metric.unit if metric.is_share else "")


def budget_text(data: ReportData) -> str:
    """Return the bounds in words, ``0.5 ms and 200 kB``; empty without a budget."""
    signs = {o.name: o.sign for o in data.objectives}
    parts = []
    for name, bound in data.budget.items():
        text = bound_text(bound, next((o.unit for o in data.objectives if o.name == name), unit_of(name)))
        bare = unit_of(name) in ("ms", "bytes")
        device = device_of(name)
        text = f"{text} on {device}" if device else text if bare else f"{text} {label_of(name)}"
        parts.append(("at least " if signs.get(name, 1.0) < 0 else "") + text)
    return " and ".join(parts)


def baselines(data: ReportData) -> list[tuple[str, ReportedNetwork]]:
    """Return the named baselines that were evaluated: smallest, largest, best uniform, best random.

    Best is the best quality of those within the budget, of all where none is.
    """
    out: list[tuple[str, ReportedNetwork]] = []
    for source, name in (
        ("smallest", "smallest"),
        ("largest", "largest"),
        ("uniform", "best uniform"),
        ("random", "best random"),
    ):
        candidates = [n for n in data.networks if n.source == source]
        candidates = [n for n in candidates if n.feasible] or candidates
        if candidates:
            best = int(np.argmin(minimised(candidates, [data.quality])[:, 0]))
            out.append((name, candidates[best]))
    return out


def coverage_curves(data: ReportData) -> list[Curve]:
    """Return the hypervolume over evaluations of the search and of random search; only feasible networks count."""
    reference = np.array([o.sign * r for o, r in zip(data.objectives, data.hypervolume_reference, strict=True)])
    series: dict[str, Sequence[ReportedNetwork]] = {
        "search": [n for n in data.networks if n.searched],
        "random search": data.of_source("random"),
    }
    ideal = np.minimum(minimised(data.networks, data.objectives).min(axis=0), reference)
    box = float(np.prod(reference - ideal)) or 1.0
    curves = []
    for name, networks in series.items():
        if networks:
            values = minimised(networks, data.objectives)
            values[[not n.feasible for n in networks]] = np.inf
            curves.append(Curve(name=name, share=hypervolume_curve(values, reference) / box))
    return curves


def measured(data: ReportData) -> list[ReportedNetwork]:
    """Return the networks whose latency was measured after the search, each once."""
    return list({n.key: n for n in reversed(data.networks) if n.latency_measured_ms is not None}.values())[::-1]


def covered(network: ReportedNetwork) -> bool:
    """Whether the measured latency lies in the predictor's interval."""
    low, high = network.latency_interval_ms
    return network.latency_measured_ms is not None and low <= network.latency_measured_ms <= high


def summary_text(name: str, value: float) -> str:
    """Return one entry of the predictor's summary: a fraction as a percentage, milliseconds as such."""
    return quantity(value, "ms") if name.endswith("_ms") else quantity(100 * value, "%")


def gap_text(network: ReportedNetwork) -> str:
    """Return how far the measurement lies from the prediction, ``+2.1 %``; a dash where there is none."""
    if network.latency_measured_ms is None:
        return "—"
    return f"{100 * (network.latency_measured_ms / network.latency_predicted_ms - 1):+.1f} %"


def size_text(log10_size: float) -> str:
    """Return the number of networks of a space, ``10^12.3`` or exact when small."""
    return f"{10**log10_size:.0f}" if log10_size < 6 else f"10^{number(log10_size)}"
