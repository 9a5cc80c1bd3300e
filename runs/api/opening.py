"""Open a run from Python: a new one, or that of a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hardware_profiles import Setting
from runs.api.run import Run
from runs.api.spaces import declaration_of
from runs.app.compose import compose
from runs.app.record import recorded_config
from runs.pipeline.run_folder import run_folder
from search_space import SearchSpace
from search_space.errors import ConfigError

__all__ = ["create_run", "load_run"]


def create_run(
    name: str = "default",
    *,
    task: str = "digits",
    task_options: Mapping[str, object] | None = None,
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
        The data, such as ``"text"`` with ``{"path": "mine.csv"}``.
    space
        A space's name, or a space bound to this task; the one that suits the task when ``None``.
    device
        How networks are executed, from :func:`nasweave.device`; ONNX Runtime with one thread when ``None``.
    objectives
        What is optimised, in order: validation error and latency when ``None``.
    budget
        Upper limits by name, such as ``{"latency_ms": 5.0}``.
    outputs
        The folder of all runs, profiles and supernets; a temporary one, gone with the run, when ``None``.
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
    temporary = tempfile.TemporaryDirectory(prefix="nasweave-") if outputs is None else None
    given: dict[str, object] = {"name": name, "outputs": str(outputs) if temporary is None else temporary.name}
    if isinstance(space, str):
        given["space"] = space
    if device is not None:
        given["hardware"] = device.runtime
        given |= {"hardware.threads": device.threads, "hardware.batch_size": device.batch_size}
    if objectives is not None:
        given["search.objectives"] = list(objectives)
    given |= {f"task.options.{key}": value for key, value in (task_options or {}).items()}
    given |= {f"budget.{key}": value for key, value in (budget or {}).items()}
    config = compose(task=task, overrides=given | dict(overrides or {}))
    if isinstance(space, SearchSpace):
        config = replace(config, space=declaration_of(space))
    folder = run_folder(outputs=config.outputs, task=config.task.name, name=config.name)
    if folder.exists() and any(folder.iterdir()) and not load_if_exists:
        raise ConfigError(
            "name",
            expected="a run that does not exist yet",
            got=f"{name!r}, which lies in {folder}",
            remedy="choose another name, or load_if_exists=True to go on with it",
        )
    return Run(config, folder=folder, progress=progress, temporary=temporary)


def load_run(path: str | Path, *, progress: bool = False) -> Run:
    """Return the run of a folder that the command line or :func:`create_run` made, with the configuration it has.

    Raises
    ------
    ConfigError
        The folder holds no run.
    """
    folder = Path(path)
    return Run(recorded_config(folder), folder=folder, progress=progress)
