"""What a run's folder was begun with, so that a command that contradicts it is told what differs, and what to do.

``begun.json`` decides nothing: it only explains why the database or the profile refuses what is asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardware_profiles import Setting
from runs.files import write_text
from runs.store import AnotherRunError
from search_space.errors import NasweaveError
from supernet.tasks import TASKS

if TYPE_CHECKING:
    from runs.pipeline.context import Context

__all__ = ["explained", "note_begun"]

_FILE = "begun.json"
_SCHEMA = 1


def note_begun(context: Context, *, again: bool = False) -> None:
    """Leave in a run's folder what it is begun with, where that is not noted, or ``again``."""
    path = context.folder / _FILE
    if context.folder.is_dir() and (again or not path.exists()):
        write_text(path, json.dumps({"schema": _SCHEMA, **_facts(context)}, indent=1, default=str) + "\n")


def explained(context: Context, error: NasweaveError, *, setting: Setting | None = None) -> AnotherRunError:
    """Return the error that names what differs from what a run was begun with, if it is known.

    Parameters
    ----------
    context
        Of the command that contradicts the run.
    error
        Why it is refused.
    setting
        That of the profile that the run keeps, where it has one.
    """
    was = _read(context.folder / _FILE)
    now = json.loads(json.dumps(_facts(context), default=str))
    differences = [*_differences(was, now)]
    if setting not in (None, context.setting):
        differences.append(("hardware", str(setting), str(context.setting)))
    for name, before, here in differences:
        return AnotherRunError(
            name,
            expected=f"{before}, with which the run {context.folder} was begun",
            got=here,
            remedy=f"write name={_free_name(context, name, here)} for a run of its own",
        )
    return AnotherRunError(
        error.parameter,
        expected=error.expected,
        got=error.got,
        remedy=f"write name={_free_name(context, '', '')} for a run of its own",
    )


def _facts(context: Context) -> dict[str, Any]:
    data, config = context.data, context.config
    targets = data.train.targets
    return {
        "options": TASKS[config.task.name].complete(config.task.options),
        "examples": {name: len(getattr(data, name)) for name in ("train", "validation", "test")},
        "shape": asdict(data.shape),
        "labels": None if targets.dim() > 1 else hashlib.sha256(targets.numpy().tobytes()).hexdigest()[:12],
        "data": data.data_hash,
        "space": dict(config.space),
        "training": asdict(config.training),
    }


def _read(path: Path) -> Mapping[str, Any]:
    """Return what the file says; nothing where it is missing or damaged, for it decides nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == _SCHEMA else {}


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give what differs, its value before and its value here, the cause before its consequences."""
    options = was.get("options")
    known = {key: value for key, value in now["options"].items() if isinstance(options, dict) and key in options}
    yield from _by_key("task.options", options, known)  # an option that came later had its default
    before, here = was.get("shape"), now["shape"]
    if isinstance(before, dict):
        if before.get("num_outputs") != here["num_outputs"]:
            yield "the data", f"{before.get('num_outputs')} classes or outputs", f"{here['num_outputs']}"
        if before.get("input_shape") != here["input_shape"]:
            yield "the data", f"examples of the shape {before.get('input_shape')}", f"{here['input_shape']}"
    yield from _by_key("the data: examples of", was.get("examples"), now["examples"], joined=" ")
    if None not in (was.get("labels"), now["labels"]) and was["labels"] != now["labels"]:
        yield "the data", "the labels", "the same number of examples with other labels, for the file has changed"
    if "data" in was and was["data"] != now["data"]:
        yield "the data", "the examples", "others, for the file has changed or is read otherwise"
    yield from _by_key("space", was.get("space"), now["space"])
    yield from _by_key("training", was.get("training"), now["training"])


def _by_key(what: str, was: object, now: Mapping[str, Any], *, joined: str = ".") -> Iterator[tuple[str, str, str]]:
    if isinstance(was, dict):
        for key in [*now, *(key for key in was if key not in now)]:
            if was.get(key) != now.get(key):
                yield f"{what}{joined}{key}", _text(was.get(key)), _text(now.get(key))


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _free_name(context: Context, parameter: str, value: str) -> str:
    """Return a name that no run of the task has, made of a path where that is what differs."""
    stem = re.sub(r"[^\w.-]+", "-", Path(value).stem).strip("-.")[:40] if parameter.endswith("path") else ""
    base = stem if re.match(r"[^\W_]", stem) else context.folder.name
    names, number = [stem] if base == stem else [], 2
    while not names or (context.folder.parent / names[-1]).exists():
        names.append(f"{base}-{number}")
        number += 1
    return names[-1]
