"""What a run is made of: a task, a search space, a way to execute networks; and what this machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hardware_profiles.setting import Setting
from runs.app.compose import compose
from runs.checks import check_value
from runs.pipeline.context import task_data
from search_space import SearchSpace, space_from_mapping
from supernet import catalogue
from supernet.tasks import Origin, TaskData

__all__ = ["device", "doctor", "space", "task"]


def task(
    name: str | None = None,
    *,
    train: object = None,
    validation: object = None,
    test: object = None,
    groups: object = None,
    time: object = None,
    loss: str | None = None,
    metric: str | None = None,
    data_root: str | Path | None = None,
    **options: object,
) -> TaskData:
    """Return the data of a task, which :func:`nasweave.create_run` takes too.

    Parameters
    ----------
    name
        A task, as ``nasweave doctor`` lists them. When ``None`` it is the one that fits the examples of ``train``:
        ``npz`` for pictures ``(C, H, W)``, ``text`` for texts, ``table`` for rows of numbers or fields; ``digits``
        without examples.
    train
        Examples that a program holds: ``(x, y)`` of arrays, a pandas table with a column ``label``, or whatever has a
        length and gives ``(x, y)`` by number, such as a ``torch.utils.data.Dataset``. Each is read once. Labels that
        are floats are numbers to predict, any others classes.
    validation, test
        The same; a tenth of the training examples is set aside for each that is ``None``.
    groups
        Of each training example what it belongs to, or the name of a column of a table: splits keep groups whole.
    time
        Of each training example its time, or the name of a column: the latest are the test, those before validation.
    loss, metric
        What training minimises, and what networks are judged by; the task's own when ``None``.
    data_root
        The folder of published data sets; ``$NASWEAVE_DATA`` or ``data`` when ``None``.
    options
        The task's own, such as ``path="mine.csv"``.

    Raises
    ------
    NasweaveError
        The task is unknown, an option is illegal, or the data cannot be read.
    """
    given = {"train": train, "validation": validation, "test": test}
    aim: dict[str, object] = {f"task.{k}": v for k, v in (("loss", loss), ("metric", metric)) if v is not None}
    if data_root is not None:
        aim["data_root"] = str(data_root)
    if train is None:
        for split in ("validation", "test"):
            legal = given[split] is None
            check_value(split, given[split], "nothing without train", legal, remedy="give train too, or paths")
        options |= {key: value for key, value in (("groups", groups), ("time", time)) if value is not None}
        keys = {f"task.options.{key}": value for key, value in options.items()} | aim
        origin = Origin(task=name or "digits", keys=keys)
    else:
        from runs.api.own_data import own_data

        found = own_data(name, given, groups=groups, time=time, options=options)
        origin = replace(found, keys={**found.keys, **aim})
    paths = {f"task.options.{option}": str(path) for option, path in origin.files.items()}
    return replace(task_data(compose(task=origin.task, overrides={**origin.keys, **paths})), origin=origin)


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
        Lists in place of the space's own, such as ``mixer=["softmax", "retention"]``, ``precision=["float", "w8a8"]``;
        ``options={"sliding_window": {"width": [8, 32]}}`` searches an option of a block in each layer.

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
