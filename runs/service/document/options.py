"""What can be chosen from, found by the files of the registries and groups, so that nothing heavy is imported."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

__all__ = [
    "OWN_DATA_TASKS",
    "Channel",
    "Format",
    "Mixer",
    "OwnDataTask",
    "Precision",
    "Runtime",
    "SearchOption",
    "SpaceOption",
    "Task",
    "offered",
]


def _group(name: str) -> list[str]:
    folder = files("hydra_conf") / name
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def _members(package: str) -> list[str]:
    """Return the members of a registry by its files, without importing its parents."""
    root, *rest = package.split(".")
    spec = find_spec(root)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("a package without a folder")
    folder = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def _declared(task: str) -> str:
    return (files("hydra_conf") / "task" / f"{task}.yaml").read_text()


_TASKS = tuple(task for task in _group("task") if "checkpoint_path:" not in _declared(task))
OWN_DATA_TASKS = tuple(task for task in _TASKS if "path: ???" in _declared(task))
"""Tasks over data of one's own, which a service knows as registered data sets alone."""

_OF_A_CHECKPOINT = "checkpoint"  # a space around one, of which a document has none, as tasks that imitate one
_PRECISIONS = ["float", "w8a8", "w8a8_2of4", "w4a8c", "w8", "w4", "w8a8s", "w8a8g32", "w4a8"]


@cache
def offered() -> dict[str, list[str]]:
    """Return everything that a document can choose from, by what it is."""
    return {
        "own_data": list(OWN_DATA_TASKS),
        "task": [task for task in _TASKS if task not in OWN_DATA_TASKS],
        "space": [space for space in _group("space") if space != _OF_A_CHECKPOINT],
        "search": _group("search"),
        "runtime": _group("hardware"),
        "format": _members("runs.export.formats"),
        "mixer": _members("supernet.mixers"),
        "channel_mixer": _members("supernet.channel_mixers"),
        "precision": _PRECISIONS,
    }


def _one_of(what: str) -> Any:
    names = offered()[what]

    def check(value: str) -> str:
        if value not in names:
            raise PydanticCustomError("option", "one of {names}", {"names": ", ".join(names)})
        return value

    return Annotated[str, AfterValidator(check), WithJsonSchema({"type": "string", "enum": names})]


Task = _one_of("task")
OwnDataTask = _one_of("own_data")
SpaceOption = _one_of("space")
SearchOption = _one_of("search")
Runtime = _one_of("runtime")
Format = _one_of("format")
Mixer = _one_of("mixer")
Channel = _one_of("channel_mixer")
Precision = _one_of("precision")
