"""What a run is made of: a task, a search space, a way to execute networks; and what this machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hardware_profiles.setting import Setting
from runs.app.compose import compose
from runs.pipeline.context import task_data
from search_space import SearchSpace, space_from_mapping
from supernet import catalogue
from supernet.tasks import TaskData

__all__ = ["device", "doctor", "space", "task"]


def task(name: str = "digits", *, data_root: str | Path | None = None, **options: object) -> TaskData:
    """Return the data of a task.

    Parameters
    ----------
    name
        A task, as ``nasweave doctor`` lists them.
    data_root
        The folder of published data sets; ``$NASWEAVE_DATA`` or ``data`` when ``None``.
    options
        The task's own, such as ``path="mine.csv"``.

    Raises
    ------
    NasweaveError
        The task is unknown, an option is illegal, or the data cannot be read.
    """
    given: dict[str, object] = {f"task.options.{key}": value for key, value in options.items()}
    if data_root is not None:
        given["data_root"] = str(data_root)
    return task_data(compose(task=name, overrides=given))


def space(
    name: str | None = None,
    *,
    task: str | TaskData = "digits",
    **choices: object,
) -> SearchSpace:
    """Return a search space bound to a task.

    Parameters
    ----------
    name
        A space such as ``vit_tiny``; when ``None`` the one that suits a task's name, ``vit_tiny`` for data.
    task
        A task's name, or its data, whose shapes the space takes.
    choices
        Lists in place of the space's own, such as ``mixer=["softmax", "retention"]``, ``precision=["float", "w8a8"]``.

    Raises
    ------
    NasweaveError
        A name or a choice is unknown or not legal for the task.
    """
    data = task if isinstance(task, TaskData) else _task(task)
    overrides: dict[str, object] = {} if name is None else {"space": name}
    overrides |= {f"space.{key}": value for key, value in choices.items()}
    config = compose(task=task if isinstance(task, str) else None, overrides=overrides)
    return space_from_mapping(config.space, task=data.shape, catalogue=catalogue())


_task = task


def device(runtime: str = "onnxruntime", *, threads: int = 1, batch_size: int = 1) -> Setting:
    """Return how networks are executed on this machine: the runtime, its threads and the batch size."""
    return Setting(runtime=runtime, threads=threads, batch_size=batch_size)


def doctor(*, data_root: str | Path | None = None, threads: int = 1) -> Mapping[str, Mapping[str, object]]:
    """Return what this machine can do: its device, the versions, runtimes, what can be measured, and all registries.

    Parameters
    ----------
    data_root
        The folder of published data sets; ``$NASWEAVE_DATA`` or ``data`` when ``None``.
    threads
        How many a measurement would use.
    """
    from runs.app.doctor import machine_facts

    return machine_facts(data_root=Path(compose().data_root if data_root is None else data_root), threads=threads)
