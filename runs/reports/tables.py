"""The tables of a report: the CSV files with every digit, and the rows that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.reports.answer import answered, beside_text, latency_ms, points_text
from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.summary import (
    LATENCY,
    bare_error,
    baselines,
    doubtful_text,
    error_label,
    gap_text,
    metric_names,
    value_text,
)
from runs.reports.units import label_of, quantity, words

__all__ = [
    "Cell",
    "Table",
    "answer_table",
    "baseline_table",
    "chosen_table",
    "corner_table",
    "front_table",
    "network_csv",
    "phase_table",
    "simple_table",
]


LAST = float("inf")
_COLUMNS = ["key", "trial_number", "architecture"]  # of an empty table


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What stands in a cell, and by what it is sorted; text sorts as text."""

    text: str
    sort: float | None = None
    code: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A header and its rows; numbers stand to the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def without_empty(self) -> Table:
        """Return the table without the columns that hold nothing."""
        kept = [c for c in range(len(self.header)) if any(row[c].text not in ("", "—") for row in self.rows)]
        return Table(
            header=tuple(self.header[c] for c in kept), rows=tuple(tuple(row[c] for c in kept) for row in self.rows)
        )


def network_csv(data: ReportData, networks: Sequence[ReportedNetwork], *, verdict: bool) -> str:
    """Return one line a network, its JSON last; with ``verdict`` also whether it is on or near the front, and why."""
    import pandas as pd

    noisy = sorted({name for n in data.networks for name in n.noise})
    trained = any(n.training_steps is not None for n in data.networks)
    whole = any(n.whole_error is not None for n in data.networks)
    rows = []
    for n in networks:
        row: dict[str, object] = {
            "key": n.key,
            "mixers": n.architecture.mixers,
            "depth": n.architecture.depth,
            "embed_dim": n.architecture.embed_dim,
            **{name: n.objectives.get(name) for name in metric_names(data)},
            "latency_predicted_ms": n.latency_predicted_ms,
            "latency_low_ms": n.latency_interval_ms[0],
            "latency_high_ms": n.latency_interval_ms[1],
            "latency_measured_ms": n.latency_measured_ms,
            "test_error": n.test_error,
            **{f"{name}_se": n.noise.get(name) for name in noisy},
            **({"validation_error_whole": n.whole_error} if whole else {}),
            "source": n.source,
            "trial_number": n.trial_number,
            **({"training_steps": n.training_steps} if trained else {}),
        }
        if verdict:
            row |= {"on_front": n.on_front, "near_front": n.near_front, "feasible": n.feasible}
            row |= {"validation_fraction": n.fraction}
        rows.append(row | {"architecture": n.architecture.to_json()})
    frame = pd.DataFrame(rows, columns=list(rows[0]) if rows else _COLUMNS).astype({"trial_number": "Int64"})
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def front_table(data: ReportData) -> Table:
    """Return the front, cheapest first."""
    return _networks(data, [(data.labels.get(n.key, ""), n) for n in data.front], first="chosen as")


def baseline_table(data: ReportData) -> Table:
    """Return the baselines."""
    return _networks(data, baselines(data), first="baseline")


def chosen_table(data: ReportData) -> Table:
    """Return the networks that the report names."""
    return _networks(data, [(label, data.network(key)) for label, key in data.chosen.items()], first="network")


def corner_table(data: ReportData) -> Table:
    """Return the values of the corners of the space."""
    names = [name for name in metric_names(data) if any(name in values for values in data.corners.values())]
    rows = [
        (Cell(text=corner), *(_value(data, name, values.get(name)) for name in names))
        for corner, values in data.corners.items()
    ]
    return Table(header=("network", *_labels(data, names)), rows=tuple(rows))


def answer_table(data: ReportData) -> Table:
    """Return what is taken, and beside it the largest network, the best uniform and random ones and simple model."""
    taken, best = answered(data), dict(baselines(data))
    if taken is None:
        return Table(header=(), rows=())
    named = [("exported" if data.exported else "the best", taken)]
    named += [(name, best[name]) for name in ("largest", "best uniform", "best random") if name in best]
    header = ("network", error_label(data), error_label(data, split="validation"), "latency", "", "size", "parameters")
    rows = []
    for name, n in named:
        took = n.latency_measured_ms is not None
        rows.append(
            (
                Cell(text=name),
                _error(data, n.test_error),
                _error(data, n.objectives.get("validation_error")),
                _number(latency_ms(n), "ms"),
                Cell(text="measured" if took else "predicted"),
                *(_value(data, value, n.objectives.get(value)) for value in ("size_bytes", "params")),
                Cell(text="" if n is taken else beside_text(data, n, taken)),
            )
        )
    model = data.simple_model
    if model is not None:
        errors = (taken.test_error, model.test_error)
        if errors[0] is None:
            errors = (taken.objectives.get("validation_error"), model.validation_error)
        beside = "" if errors[0] is None else points_text(data, errors[1] - errors[0])
        rows.append(
            (
                Cell(text=model.name),
                _error(data, model.test_error),
                _error(data, model.validation_error),
                _number(None, "ms"),
                Cell(text=""),
                _value(data, "size_bytes", model.size_bytes),
                _value(data, "params", float(model.params)),
                Cell(text=beside),
            )
        )
    return Table(header=(*header, f"beside {'the exported' if data.exported else 'the best'}"), rows=tuple(rows))


def phase_table(data: ReportData) -> Table:
    """Return what the phases of language models cost: the first token, each further one, what is remembered between.

    Times are measured where they were; no rows where networks do not decode.
    """
    taken, best = answered(data), dict(baselines(data))
    named = [] if taken is None else [("exported" if data.exported else "the best", taken)]
    named += [(name, best[name]) for name in ("largest", "best uniform", "best random") if name in best]
    rows = []
    for name, n in named:
        if "cache_bytes" not in n.objectives:
            continue
        took = n.decode_measured_ms
        measured = n.latency_measured_ms is not None and (took is not None or "decode_ms" not in n.objectives)
        decode = n.objectives.get("decode_ms") if took is None else took
        rows.append(
            (
                Cell(text=name),
                _number(latency_ms(n), "ms"),
                _number(decode, "ms"),
                _number(None if decode is None else 1e3 * data.sequences / decode, ""),
                _value(data, "cache_bytes", n.objectives["cache_bytes"]),
                Cell(text="measured" if measured else "predicted"),
            )
        )
    return Table(header=("decoding", "first token", "each further", "tokens a second", "cache", ""), rows=tuple(rows))


def simple_table(data: ReportData) -> Table:
    """Return what models without a search reach on the same split."""
    header = ("model", error_label(data), error_label(data, split="validation"), "size", "parameters", "fitting", "to")
    rows = [
        (
            Cell(text=m.name),
            _error(data, m.test_error),
            _error(data, m.validation_error),
            _value(data, "size_bytes", m.size_bytes),
            _value(data, "params", float(m.params)),
            _number(m.seconds, "s"),
            Cell(text=f"{m.examples} examples"),
        )
        for m in data.simple_models
    ]
    return Table(header=header, rows=tuple(rows))


def _networks(data: ReportData, named: Sequence[tuple[str, ReportedNetwork]], *, first: str) -> Table:
    """Return networks with what decides first: error and latency, and only then what they are made of and origin."""
    names = metric_names(data)
    objectives, others = names[: len(data.shown)], names[len(data.shown) :]
    predicted = ["predicted"] if LATENCY not in names else []
    labels = [
        "latency, predicted" if name == LATENCY else label
        for name, label in zip(objectives, _labels(data, objectives), strict=True)
    ]
    header = ["key", error_label(data), "latency, measured", *labels, *predicted, "gap", first, "mixers"]
    header += ["depth", "width", "steps", "interval, ms", *_labels(data, others), "source"]
    rows = []
    for label, n in named:
        took, (low, high), a = n.latency_measured_ms, n.latency_interval_ms, n.architecture
        cells = [Cell(text=n.key, code=True), _error(data, n.test_error), _number(took, "ms")]
        cells += [Cell(text=doubtful_text(data, n, name), sort=n.objectives[name]) for name in objectives]
        cells += [_number(n.latency_predicted_ms, "ms") for _ in predicted]
        gap = None if took is None else took / n.latency_predicted_ms - 1
        cells += [Cell(text=gap_text(n), sort=LAST if gap is None else gap), Cell(text=label)]
        cells += [Cell(text=a.mixers), *(Cell(text=str(v), sort=v) for v in (a.depth, a.embed_dim))]
        steps = n.training_steps
        cells += [Cell(text="—" if steps is None else str(steps), sort=LAST if steps is None else steps)]
        cells += [Cell(text=f"{quantity(low, '')} to {quantity(high, '')}", sort=high - low)]
        cells += [_value(data, name, n.objectives.get(name)) for name in others]
        cells += [Cell(text=n.source if n.feasible else f"{n.source}, over budget")]
        rows.append(tuple(cells))
    return Table(header=tuple(header), rows=tuple(rows)).without_empty()


def _labels(data: ReportData, names: Sequence[str]) -> list[str]:
    labels = {o.name: words(o.label) for o in data.shown}
    return [labels.get(name, label_of(name)) for name in names]


def _value(data: ReportData, name: str, value: float | None) -> Cell:
    return Cell(text=value_text(data, name, value), sort=LAST if value is None else value)


def _number(value: float | None, unit: str) -> Cell:
    return Cell(text=quantity(value, unit), sort=LAST if value is None else value)


def _error(data: ReportData, value: float | None) -> Cell:
    return Cell(text=bare_error(data, value), sort=LAST if value is None else value)
