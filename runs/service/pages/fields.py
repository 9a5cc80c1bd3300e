"""The form of a new search, made from the schema of a run's document: a field for every key that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from runs.objectives import OBJECTIVES
from runs.service.document.model import RunDocument

__all__ = ["Field", "Group", "groups"]

Kind = Literal["text", "number", "choice", "several", "numbers", "boolean"]

_LABELS = {
    "choices.embed_dim": "Widths",
    "choices.depth": "Depths",
    "choices.head_dim": "Width of a head",
    "choices.num_heads": "Numbers of heads",
    "choices.ratio": "Ratios of channel mixers",
    "choices.mixer": "Mixers",
    "choices.channel_mixer": "Channel mixers",
    "choices.precision": "Precisions",
    "device.batch_size": "Batch size on the device",
    "search.method": "Method",
    "search.trials": "Networks to evaluate",
    "search.time_budget": "Time of the search",
    "search.objectives": "Objectives",
    "search.workers": "Processes that search",
    "training.steps": "Steps of training",
    "training.batch_size": "Batch size of training",
    "profile.time_budget": "Time of the profile",
    "profile.networks": "Whole networks measured",
    "baselines.random": "Random networks",
    "baselines.uniform": "Uniform networks",
    "export.measure": "Time every exported file",
    "accelerator": "Trained on",
}
_TITLES = {
    "choices": "Space",
    "search": "Search",
    "training": "Training",
    "profile": "Profile of the device",
    "baselines": "Networks to compare with",
    "export": "Export",
}
_SAID = ("space", "budget.size_bytes")  # what their labels say already
_ONLY = {"time_budget": "fidelities", "search.time_budget": "fidelities", "search.trials": "supernet"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One key of the document.

    Parameters
    ----------
    name, label, hint
        The key, how the form calls it, and what the schema says of it.
    kind, options, default
        What it holds; the names to choose from; what it is where nothing is filled in.
    minimum, maximum, pattern, unit
        What is allowed, as far as a browser can check it.
    only
        ``fidelities`` or ``supernet`` where the key belongs to such methods alone.
    """

    name: str
    label: str
    hint: str
    kind: Kind
    options: tuple[str, ...] = ()
    default: str = ""
    minimum: float | None = None
    maximum: float | None = None
    is_whole: bool = False
    pattern: str | None = None
    unit: str = ""
    only: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Fields under one title."""

    title: str
    fields: tuple[Field, ...]


@cache
def groups() -> dict[str, Group]:
    """Return the fields by the first part of their keys; those without parts are under ``""``."""
    schema = RunDocument.model_json_schema()
    parts = schema["$defs"]
    found: dict[str, list[Field]] = {"": []}
    for name, declared in schema["properties"].items():
        if "$ref" in declared:
            inner = parts[declared["$ref"].rpartition("/")[2]]["properties"]
            found[name] = [_field(f"{name}.{key}", one) for key, one in inner.items()]
        else:
            found[""].append(_field(name, declared))
    return {
        name: Group(title=_TITLES.get(name, name.capitalize() or "Run"), fields=tuple(fields))
        for name, fields in found.items()
    }


def _field(name: str, declared: Mapping[str, Any]) -> Field:
    inner = next(_not_null(declared))
    kind, options = _kind(inner)
    default = declared.get("default")
    objective = OBJECTIVES.get(name.removeprefix("budget."))
    plain = name.rpartition(".")[2].replace("_", " ").capitalize()
    return Field(
        name=name,
        label=_LABELS.get(name) or (objective.label if objective else plain),
        hint="" if name in _SAID else str(declared.get("description", "")),
        kind=kind,
        options=options,
        default="" if default is None else str(default).lower() if kind == "boolean" else str(default),
        minimum=inner.get("minimum", inner.get("exclusiveMinimum")),
        maximum=inner.get("maximum"),
        is_whole=inner.get("type") == "integer",
        pattern=inner.get("pattern", "").removeprefix("^").removesuffix("$") or None,
        unit="" if objective is None else {"count": ""}.get(objective.unit, objective.unit),
        only=_ONLY.get(name),
    )


def _not_null(declared: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in declared.get("anyOf", [declared]) if one.get("type") != "null")


def _kind(declared: Mapping[str, Any]) -> tuple[Kind, tuple[str, ...]]:
    if "enum" in declared:
        return "choice", tuple(declared["enum"])
    if declared["type"] == "array":
        options = tuple(declared["items"].get("enum", ()))
        return ("several" if options else "numbers"), options
    kinds: dict[str, Kind] = {"integer": "number", "number": "number", "boolean": "boolean"}
    return kinds.get(declared["type"], "text"), ()
