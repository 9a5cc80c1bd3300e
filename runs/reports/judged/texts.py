"""What is said of classes and doubts: sentences for the terminal and the page."""

from __future__ import annotations

from runs.reports.data import ReportData
from runs.reports.judged.classes import ClassResults
from runs.reports.summary import error_text
from runs.reports.units import quantity

__all__ = ["class_sentences", "doubt_text", "majority_text"]

_NAMED = 3  # classes in a sentence


def majority_text(data: ReportData) -> str:
    """Return what a model that knows nothing has; empty without classes."""
    if not isinstance(data.classes, ClassResults):
        return ""
    label, share = data.classes.majority
    return f"Always answering {label} has {quantity(100 * share, '%')} test accuracy"


def class_sentences(data: ReportData) -> tuple[str, ...]:
    """Return what an accuracy hides of the exported network: classes that it never finds, or answers of one class."""
    if data.classes is None:
        return ()
    out, missed = [], data.classes.missed
    if data.metric.key == "accuracy" and isinstance(data.classes, ClassResults):
        label, share = data.classes.majority
        if data.classes.accuracy <= share:
            accuracy = quantity(100 * data.classes.accuracy, "%")
            out.append(f"has {accuracy} test accuracy, no more than always answering {label}")
    if missed:
        named = [f"the {count} test {data.classes.what} of {name}" for name, count in missed[:_NAMED]]
        several = "classes" if isinstance(data.classes, ClassResults) else "labels"
        rest = [f"those of {len(missed) - _NAMED} further {several}"] if len(missed) > _NAMED else []
        out.append(f"finds none of {_listed([*named, *rest])}{_remedy(data)}")
    return tuple(f"{data.classes.key} {sentence}" for sentence in out)


def _remedy(data: ReportData) -> str:
    if data.metric.key != "accuracy":
        return ""
    balanced = "task.class_weights" if data.classes is not None and data.classes.what == "words" else "task.sampling"
    return f"; task.metric=macro_f1 with {balanced}=balanced searches for networks that do"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def doubt_text(data: ReportData) -> str:
    """Return the warning that the validation split cannot tell the networks of the front apart; empty where it can."""
    doubt = data.doubt
    if doubt is None or doubt.told_apart:
        return ""
    best, worst = (data.network(key).objectives[data.quality.name] for key in (doubt.best, doubt.worst))
    errors = " and ".join(error_text(data, error, split="validation") for error in (best, worst))
    unit = "points" if data.metric.is_share else data.metric.unit
    apart = f"{doubt.difference:.2g} ± {doubt.standard_error:.2g} {unit}".rstrip()
    return (
        f"the {doubt.examples} validation examples do not tell the networks of the front apart: its best and its worst "
        f"({errors}) differ by {apart}; give validation more examples, as by task.validation_share"
    )
