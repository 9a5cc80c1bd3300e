"""Make the teacher of a run that begins with a checkpoint: trained for the task before any other network."""

from __future__ import annotations

import time
from contextlib import nullcontext

from hardware_profiles.duration import duration_text
from runs.evaluation.teacher import Teacher, make_teacher
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.trained.checkpoint import CHECKPOINT, Untaught, counted

__all__ = ["TEACHER"]


def teacher(context: Context, checkpoint: Untaught | None) -> Teacher | None:
    """Return the teacher, which all runs that would train the same one share; ``None`` without a checkpoint."""
    if checkpoint is None:
        return None
    settings = context.config.search.fidelities
    if checkpoint.seconds:
        context.reporter.message(
            f"teacher: {context.pretrained} is trained for {settings.teacher_steps} steps first, about "
            f"{duration_text(checkpoint.seconds)}"
        )
    began = time.monotonic()
    with counted(context) if checkpoint.seconds else nullcontext():
        made = make_teacher(
            checkpoint.supernet,
            context.data,
            context.config.training,
            origin=checkpoint.origin,
            folder=checkpoint.folder,
            steps=settings.teacher_steps,
            taught_steps=settings.rungs[-1],
            weight=settings.teacher_weight,
            device=context.accelerator,
        )
    metric = context.data.metric
    took = f", in {time.monotonic() - began:.0f} s" if checkpoint.seconds else ""
    context.reporter.message(f"teacher: validation {metric} {metric.text(made.error)}{took}; {_kept(made)}")
    return made


def _kept(made: Teacher) -> str:
    """Say which layers shallower networks keep, counted from 1."""
    depths = sorted(d for d in made.layers if d in made.supernet.space.depth)[:-1]
    kept = [f"{d} of them {', '.join(str(i + 1) for i in made.layers[d])}" for d in depths]
    return f"layers kept by networks of {'; '.join(kept)}" if kept else "no network has fewer layers"


TEACHER = Stage(name="teacher", run=teacher, needs=(CHECKPOINT,))
