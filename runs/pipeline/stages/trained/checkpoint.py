"""A checkpoint before its own training, and what that training takes of a run's time."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from hardware_profiles.duration import duration_text
from runs.evaluation.teacher import judging_steps, step_seconds
from runs.files import write_text
from runs.pipeline.config import LEAST_SEARCH, Config
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.data.understood import DATA
from runs.pipeline.starts import begin_with_checkpoint
from search_space.errors import CheckpointError, ConfigError, reason_of
from supernet import Supernet
from supernet.training.checkpoint import FILE, load_checkpoint

__all__ = ["CHECKPOINT", "Untaught", "check_budget", "counted", "search_seconds", "seconds_taught"]

_IMPORTANCE = "activations"  # what decides which parts come first
_SPENT = "teacher_seconds.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Untaught:
    """A checkpoint before its own training.

    Parameters
    ----------
    supernet
        With its weights.
    origin, folder
        Name what it becomes, and where that is kept, for all runs that would train the same one.
    seconds
        Its training still takes about so many.
    """

    supernet: Supernet
    origin: str
    folder: Path
    seconds: float


def untaught(context: Context) -> Untaught | None:
    """Return the checkpoint, if any, and about how long its own training takes here.

    Raises
    ------
    ConfigError
        The run's ``time_budget`` leaves the search too little beside it.
    """
    if context.pretrained is None:
        return None
    settings, training = context.config.search.fidelities, context.config.training
    parts = (
        context.space.fingerprint,
        training.hash,
        context.data.data_hash,
        context.pretrained.hash,
        str(settings.teacher_steps),
        _IMPORTANCE,
    )
    origin = hashlib.sha256("-".join(parts).encode()).hexdigest()[:12]
    folder = context.outputs / context.config.task.name / "teachers" / origin
    supernet = Supernet(context.space, generator=torch.Generator().manual_seed(context.config.training.seed))
    begin_with_checkpoint(context, context.pretrained, supernet)
    done = max((load_checkpoint(path).step for path in folder.glob(f"*/{FILE}")), default=0)
    left, seconds = float(settings.teacher_steps - done), 0.0
    if left > 0:
        depth, teaches = context.space.max_depth, settings.teacher_weight > 0
        left += judging_steps(context.data, training, depth=depth, teaches=teaches)
        seconds = left * step_seconds(supernet, context.data, training, device=context.accelerator)
        if not seconds_taught(context):
            check_budget(context.config, seconds)
    return Untaught(supernet=supernet, origin=origin, folder=folder, seconds=seconds)


def check_budget(config: Config, seconds: float) -> None:
    """Refuse a ``time_budget`` of which the checkpoint's own training would leave the search too little."""
    own, steps = config.search.fidelities, config.search.fidelities.teacher_steps
    if config.time_budget is None or seconds <= (1 - LEAST_SEARCH) * own.shares * own.seconds:
        return
    raise ConfigError(
        "time_budget",
        expected=f"more than {duration_text(seconds / (1 - LEAST_SEARCH))} beside the profile and the export, for the "
        f"checkpoint's {steps} steps take about {duration_text(seconds)} here, and the search needs a third as much",
        got=repr(config.time_budget),
        remedy="give more time, or fewer search.fidelities.teacher_steps",
    )


def seconds_taught(context: Context) -> float:
    """Return how long this run's commands trained the checkpoint, 0 where it was there; raises ``CheckpointError``."""
    file = context.folder / _SPENT
    try:
        return float(json.loads(file.read_text())) if file.exists() else 0.0
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            str(file), expected="a number of seconds", got=reason_of(error), remedy="remove the file"
        ) from error


def search_seconds(context: Context) -> float:
    """Return the seconds that the run's search has beside the checkpoint's own training."""
    return context.config.search_seconds(teacher=seconds_taught(context))


@contextmanager
def counted(context: Context) -> Iterator[None]:
    """Add the time of a block, finished or not, to what the run's commands trained the checkpoint."""
    began = time.monotonic()
    try:
        yield
    finally:
        write_text(context.folder / _SPENT, json.dumps(round(seconds_taught(context) + time.monotonic() - began, 3)))


CHECKPOINT = Stage(name="checkpoint", run=untaught, after=(DATA,))
