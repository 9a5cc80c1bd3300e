"""Compress a checkpoint from Python, as ``nasweave compress`` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runs.api.exported import Exported
from runs.api.opening import check_mappings, create_run
from runs.app.verbs.compress import defaults

__all__ = ["compress"]


def compress(
    checkpoint: str | Path,
    *,
    name: str = "default",
    task: str = "text",
    task_options: Mapping[str, object] | None = None,
    budget: Mapping[str, float] | None = None,
    outputs: str | Path = "outputs",
    overrides: Mapping[str, object] | None = None,
    progress: bool = False,
) -> Exported:
    """Make a family of smaller networks out of a checkpoint; returns the export of the best within the budget.

    A call that was interrupted goes on where it stopped.

    Parameters
    ----------
    checkpoint
        A folder with ``config.json`` and safetensors of a BERT, RoBERTa, DistilBERT, ViT, GPT-2 or LLaMA.
    name, task, task_options, budget, outputs, overrides, progress
        As :func:`nasweave.create_run` takes them.

    Raises
    ------
    NasweaveError
        The checkpoint or the data cannot be read or do not fit, or a value is illegal.
    """
    check_mappings(task_options=task_options, budget=budget, overrides=overrides)
    given: dict[str, object] = {"init.path": str(checkpoint), "task": task}
    given |= {f"task.options.{key}": value for key, value in (task_options or {}).items()} | dict(overrides or {})
    wanted = defaults({key: str(value) for key, value in given.items()})
    run = create_run(
        name,
        task=task,
        task_options=task_options,
        budget=budget,
        outputs=outputs,
        overrides={**{key: value for key, value in wanted.items() if key not in given}, **given},
        load_if_exists=True,
        progress=progress,
    )
    with run:
        return run.export("auto")
