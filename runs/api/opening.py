"""Open a run from Python: a new one, or that of a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from hardware_profiles import Setting
from runs.api.run import OWN_DATA, Run
from runs.app.compose import compose, overrides_of
from runs.app.record import Asked, redacted_words
from runs.checks import check_value
from runs.pipeline.config import Config
from runs.pipeline.context import task_data
from runs.pipeline.run_folder import run_folder
from search_space import SearchSpace, declaration_of, space_from_mapping
from search_space.errors import ConfigError, SpaceError
from supernet import catalogue
from supernet.tasks import Origin, TaskData

__all__ = ["check_mappings", "create_run", "load_run"]


def create_run(
    name: str = "default",
    *,
    task: str | TaskData = "digits",
    task_options: Mapping[str, object] | None = None,
    metric: str | None = None,
    space: str | SearchSpace | None = None,
    device: Setting | None = None,
    objectives: Sequence[str] | None = None,
    budget: Mapping[str, float] | None = None,
    outputs: str | Path | None = "outputs",
    overrides: Mapping[str, object] | None = None,
    load_if_exists: bool = False,
    progress: bool = False,
) -> Run:
    """Return a new run; nothing is measured, trained or written before one of its methods is called.

    Parameters
    ----------
    name
        The name of the run's folder, ``outputs/task/name``.
    task, task_options
        The data, such as ``"text"`` with ``{"path": "mine.csv"}``, or what :func:`nasweave.task` returns, which has its
        options. Examples that a program holds are kept in the run's folder, under a fingerprint of their content.
    metric
        What networks are judged by, such as ``"macro_f1"``; the task's own when ``None``.
    space
        A space's name, or a space bound to this task, whose data is then read; the one that suits the task when
        ``None``.
    device
        How networks are executed, from :func:`nasweave.device`; ONNX Runtime with one thread when ``None``.
    objectives
        What is optimised, in order: validation error and latency when ``None``.
    budget
        Upper limits by name, such as ``{"latency_ms": 5.0}``.
    outputs
        The folder of all runs, profiles and supernets; a temporary one with a database of its own, gone with the run,
        when ``None``.
    overrides
        Any other key of the configuration, such as ``{"training.steps": 500}``.
    load_if_exists
        Whether to go on with a run of this name, as the command line does.
    progress
        Whether to show progress and results on the terminal.

    Raises
    ------
    NasweaveError
        The run exists, or a name or value is illegal.
    """
    check_mappings(task_options=task_options, budget=budget, overrides=overrides)
    origin = _origin(task, task_options)
    given: dict[str, object] = {"task": origin.task, "name": name, **origin.keys, **_space_keys(space)}
    if device is not None:
        given["hardware"] = device.runtime
        given |= {"hardware.threads": device.threads, "hardware.batch_size": device.batch_size}
    if metric is not None:
        given["task.metric"] = metric
    if objectives is not None:
        given["search.objectives"] = objectives
    given |= {f"task.options.{key}": value for key, value in (task_options or {}).items()}
    given |= {f"budget.{key}": value for key, value in (budget or {}).items()}
    with ExitStack() as on_error:
        temporary = None
        if outputs is None:
            temporary = tempfile.TemporaryDirectory(prefix="nasweave-")
            on_error.callback(temporary.cleanup)
            given |= {"outputs": temporary.name, "store": f"sqlite:///{temporary.name}/nasweave.db"}
        else:
            given["outputs"] = str(outputs)
        given |= overrides or {}
        own = run_folder(outputs=str(given["outputs"]), task=origin.task, name=str(given["name"])) / OWN_DATA
        given |= {f"task.options.{option}": str(own / path.name) for option, path in origin.files.items()}
        config = compose(overrides=given)
        folder = run_folder(outputs=config.outputs, task=config.task.name, name=config.name)
        if folder.exists() and any(folder.iterdir()) and not load_if_exists:
            raise ConfigError(
                "name",
                expected="a run that does not exist yet",
                got=f"{config.name!r}, which lies in {folder}",
                remedy="choose another name, or load_if_exists=True to go on with it",
            )
        run = Run(
            Asked(config=config, words=redacted_words(overrides_of(given))),
            folder=folder,
            progress=progress,
            data=_data_of(space, config, known=task) if isinstance(space, SearchSpace) else None,
            origin=origin,
            temporary=temporary,
        )
        on_error.pop_all()
    return run


def load_run(path: str | Path, *, progress: bool = False) -> Run:
    """Return the run of a folder that the command line or :func:`create_run` made, with the configuration it has.

    The folder may have been moved, with the outputs around it.

    Raises
    ------
    ConfigError
        The folder holds no run, or its record is damaged.
    """
    folder = Path(path)
    return Run(Asked.of(folder), folder=folder, progress=progress)


def check_mappings(**given: object) -> None:
    """Raise ``ConfigError`` for an argument that is neither a mapping nor left out."""
    for parameter, mapping in given.items():
        legal = mapping is None or isinstance(mapping, Mapping)
        check_value(parameter, mapping, "values by name", legal, remedy="give a dict")


def _space_keys(space: str | SearchSpace | None) -> dict[str, object]:
    """Return the keys that choose a space."""
    if isinstance(space, SearchSpace):
        return {f"space.{key}": value for key, value in declaration_of(space).items()}
    check_value(
        "space",
        space,
        "a space's name, or a space",
        space is None or isinstance(space, str),
        remedy="give a name, or what nasweave.space returns",
    )
    return {} if space is None else {"space": space}


def _origin(task: str | TaskData, options: Mapping[str, object] | None) -> Origin:
    """Return where the data of a run is read."""
    if isinstance(task, str):
        return Origin(task=task)
    known = isinstance(task, TaskData) and task.origin is not None
    expected = "a task's name, or what nasweave.task returns"
    check_value("task", task, expected, known, remedy="make it with nasweave.task(...)")
    remedy = "give them to nasweave.task"
    check_value("task_options", options, "nothing beside the data itself", options is None, remedy=remedy)
    assert task.origin is not None
    return task.origin


def _data_of(space: SearchSpace, config: Config, *, known: str | TaskData) -> TaskData | None:
    """Return the data of the task that a space is bound to, unless that lies in no file yet.

    Raises ``SpaceError`` where the space is bound to another.
    """
    data = task_data(config) if isinstance(known, str) else known
    bound = space_from_mapping(config.space, task=data.shape, catalogue=catalogue())
    if bound.fingerprint != space.fingerprint:
        same = bound.geometry.task == space.geometry.task
        raise SpaceError(
            "space",
            expected=f"a space of the task {config.task.name} with these options, of nasweave's own blocks",
            got=f"{space}, which {'is declared otherwise' if same else 'is bound to other shapes'}",
            remedy=f"make it with nasweave.space(NAME, task=nasweave.task({config.task.name!r}, ...))",
        )
    return data if isinstance(known, str) else None
