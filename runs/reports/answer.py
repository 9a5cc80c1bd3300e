"""The answer on top of a report: which network to take, why, and what is lost and gained by it."""

from __future__ import annotations

import numpy as np

from runs.objectives import Objective, device_of
from runs.reports.data import ReportData, ReportedNetwork, minimised
from runs.reports.judged.texts import class_sentences
from runs.reports.references import SimpleModel
from runs.reports.summary import LATENCY, baselines, budget_text, error_text
from runs.reports.units import quantity, unit_of, words

__all__ = [
    "answered",
    "beside_text",
    "headline",
    "latency_ms",
    "latency_text",
    "points_text",
    "quality_text",
    "verdict",
]

_KNEE = "past which the front pays more latency for each point of error"
_TOLD_APART = 1.05  # ratios of latencies below this are called equal
_OF_DECODERS = {"ttft_ms": " to the first token", "tokens_per_s": "", "cache_bytes": " of cache"}


def answered(data: ReportData) -> ReportedNetwork | None:
    """Return the network that the answer is about: what is exported, or the best within the budget; none outside it."""
    if data.exported is not None:
        return data.network(data.exported)
    found = [n for n in data.front if n.feasible] or [n for n in data.networks if n.feasible and n.source != "random"]
    if not found:
        return None
    chosen = data.chosen.get("best quality")
    at = int(np.argmin(minimised(found, [data.quality])[:, 0]))
    return next((n for n in found if n.key == chosen), found[at])


def headline(data: ReportData) -> str:
    """Return the main answer in one sentence: which network, why, how good and fast, beside the largest."""
    network = answered(data)
    if network is None or not network.feasible:
        budget = budget_text(data)
        closest = min(data.networks, key=lambda n: (_violation(data, n), data.networks.index(n)))
        limit = f"the budget of {budget}" if budget else "the constraints"
        return f"No network meets {limit}; the closest has {quality_text(data, closest)} at {_costs(data, closest)}."
    costs, quality = _costs(data, network), quality_text(data, network)
    return f"Take {network.key}, {_reason(data)}: {costs}, {quality}{_beside_largest(data, network)}."


def verdict(data: ReportData) -> tuple[str, ...]:
    """Return what the search gained over uniform and random networks and simple models, and what its error hides."""
    best = dict(baselines(data))
    rivals = [(name, best[name]) for name in ("best uniform", "best random") if name in best]
    sentences = [_gain(data, f"the {name} network", network) for name, network in rivals]
    sentences += [_above(data, model) for model in data.simple_models[:2]]
    sentences += class_sentences(data)
    return tuple(sentence[:1].upper() + sentence[1:] for sentence in sentences if sentence)


def latency_ms(network: ReportedNetwork) -> float:
    """Return the measured latency, or the predicted one where there is none."""
    return network.latency_predicted_ms if network.latency_measured_ms is None else network.latency_measured_ms


def latency_text(network: ReportedNetwork) -> str:
    """Return the latency, measured first: ``1.30 ms (predicted 0.927 ms)``."""
    predicted = quantity(network.latency_predicted_ms, "ms")
    if network.latency_measured_ms is None:
        return f"{predicted} (predicted)"
    return f"{quantity(network.latency_measured_ms, 'ms')} (predicted {predicted})"


def _reason(data: ReportData) -> str:
    budget = budget_text(data)
    within = f" within {budget}" if budget else ""
    if data.exported is None:
        return f"the best{within}"
    reasons = {
        "knee": _knee(data),
        "best": f"the best of the front{within}",
        "fastest": f"the fastest of the front{within}",
    }
    return reasons.get(data.exported_as, "as asked for")


def _knee(data: ReportData) -> str:
    """Return what the knee is, and of what: networks that simple models beat are left out where others are better."""
    model = min(data.simple_models, key=lambda m: m.validation_error, default=None)
    if model is None or data.quality.metric is None:
        return f"the knee, {_KNEE}"
    better = [n.objectives[data.quality.name] <= model.validation_error for n in data.front]
    if all(better) or not any(better):
        return f"the knee, {_KNEE}"
    return f"the knee of what is no worse than {model.name}, {_KNEE}"


def quality_text(data: ReportData, network: ReportedNetwork) -> str:
    """Return the quality of a network in words, that of the test split where it was measured."""
    objective = data.quality
    value = network.objectives[objective.name]
    if objective.metric is None or objective.direction != "minimize":
        return f"{words(objective.label)} {quantity(value, objective.unit)}"
    if network.test_error is not None:
        return error_text(data, network.test_error)
    return error_text(data, value, split="validation")


def _costs(data: ReportData, network: ReportedNetwork) -> str:
    return " and ".join(_cost(o, network) for o in data.costs)


def _cost(o: Objective, network: ReportedNetwork) -> str:
    if o.name == LATENCY:
        return latency_text(network)
    if o.name == "decode_ms":
        return _decode_text(network)
    text = quantity(network.objectives[o.name], o.unit)
    if device_of(o.name) is not None:
        return f"{text} on {device_of(o.name)}"
    if o.name in _OF_DECODERS:
        return f"{text}{_OF_DECODERS[o.name]}"
    return text if unit_of(o.name) in ("ms", "bytes") else f"{text} {words(o.label)}"


def _decode_text(network: ReportedNetwork) -> str:
    """Return the latency of a token, measured first: ``0.12 ms a token (predicted 0.11 ms)``."""
    predicted, took = quantity(network.objectives["decode_ms"], "ms"), network.decode_measured_ms
    if took is None:
        return f"{predicted} a token (predicted)"
    return f"{quantity(took, 'ms')} a token (predicted {predicted})"


def _beside_largest(data: ReportData, network: ReportedNetwork) -> str:
    largest = dict(baselines(data)).get("largest")
    if largest is None or largest.key == network.key or data.quality.metric is None:
        return ""
    ratio = _ratio(largest, network)
    speed = "as fast as" if abs(np.log(ratio)) < np.log(_TOLD_APART) else f"{_times(ratio)} than"
    return f"; {speed} the largest network at {_difference(data, network, largest)}"


def _ratio(slow: ReportedNetwork, fast: ReportedNetwork) -> float:
    """Return how many times as long one takes, both as measured or both as predicted."""
    if slow.latency_measured_ms is None or fast.latency_measured_ms is None:
        return slow.latency_predicted_ms / fast.latency_predicted_ms
    return slow.latency_measured_ms / fast.latency_measured_ms


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times faster" if ratio >= 1 else f"{1 / ratio:.1f} times slower"


def beside_text(data: ReportData, network: ReportedNetwork, taken: ReportedNetwork) -> str:
    """Return how a network differs from the taken one: ``0.6 points less error, 8.1 times slower``."""
    if network.key == taken.key:
        return "the same network"
    ratio = _ratio(taken, network)
    speed = "as fast" if abs(np.log(ratio)) < np.log(_TOLD_APART) else _times(ratio)
    return f"{_difference(data, network, taken)}, {speed}"


def _difference(data: ReportData, network: ReportedNetwork, other: ReportedNetwork) -> str:
    """Return how the error of a network differs from that of another: ``0.6 points more error``."""
    if network.test_error is not None and other.test_error is not None:
        return points_text(data, network.test_error - other.test_error)
    name = data.quality.name
    return points_text(data, network.objectives[name] - other.objectives[name])


def points_text(data: ReportData, more: float) -> str:
    """Return a difference of errors in words: of the error where people speak of it, else of the metric."""
    metric = data.metric
    text = f"{abs(more):.1f}" if metric.is_share else f"{abs(more):.3g}"
    if float(text) == 0:
        return f"equal {metric.error_name or metric}"
    higher = more > 0 if metric.error_name or metric.best is None else more < 0
    if metric.is_share:
        return f"{text} points {'more' if higher else 'less'} {metric.error_name or metric}"
    return f"{text} {'more' if higher else 'less'} {metric}"


def _gain(data: ReportData, name: str, rival: ReportedNetwork) -> str:
    """Return what the front has over a rival, judged by validation error and predicted latency as the search was."""
    if data.quality.metric is None or not data.front:
        return ""
    quality = data.quality
    as_good = [
        n for n in data.front if quality.sign * (n.objectives[quality.name] - rival.objectives[quality.name]) <= 0
    ]
    error = error_text(data, rival.objectives[quality.name], split="validation")
    if not as_good:
        return f"nothing was gained over {name}: none of the front reaches its {error}"
    if rival.key in {n.key for n in data.front}:
        return f"nothing was gained over {name} ({error}): it is on the front itself"
    fastest = min(as_good, key=lambda n: n.latency_predicted_ms)
    ratio = rival.latency_predicted_ms / fastest.latency_predicted_ms
    if ratio < _TOLD_APART:
        there = data.metric.error_name or data.metric
        return f"nothing was gained over {name} ({error}): the front is no faster at that {there}"
    same = ", trained in the same way," if fastest.training_steps is not None else ""
    bound = "no less" if _counts_up(data) else "no more"
    return f"{name}{same} has {error}: the front is {ratio:.1f} times faster at {bound}"


def _above(data: ReportData, model: SimpleModel) -> str:
    """Return how many networks of the front a simple model is better than."""
    if data.quality.metric is None or not data.front:
        return ""
    tested = all(n.test_error is not None for n in data.front)
    split = "test" if tested else "validation"
    limit = model.test_error if tested else model.validation_error
    errors = [(n.test_error or 0.0) if tested else n.objectives[data.quality.name] for n in data.front]
    worse = sum(e > limit for e in errors)
    which = f"{worse} of the {len(errors)} networks" if 0 < worse < len(errors) else "every network"
    better, passes = ("higher", "falls short of") if _counts_up(data) else ("lower", "exceeds")
    where = f"{better} than {which} of the front" if worse else f"which no network of the front {passes}"
    return f"{model.name} has {error_text(data, limit, split=split)}, {where}"


def _counts_up(data: ReportData) -> bool:
    """Whether the numbers that the report says are better when higher: a metric, and not its error."""
    return data.metric.best is not None and not data.metric.error_name


def _violation(data: ReportData, network: ReportedNetwork) -> float:
    signs = {o.name: o.sign for o in data.objectives}
    gaps = [
        signs.get(name, 1.0) * (network.objectives[name] - bound) / (abs(bound) or 1.0)
        for name, bound in data.budget.items()
        if name in network.objectives
    ]
    return max([0.0, *gaps])
