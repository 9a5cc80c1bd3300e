"""Make the teacher of a run that begins with a checkpoint: trained for the task before any other network."""

from __future__ import annotations

import hashlib
import time

import torch

from hardware_profiles.duration import duration_text
from runs.evaluation.teacher import Teacher, make_teacher, step_seconds
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.data.understood import DATA
from runs.pipeline.starts import examples_of
from supernet import Supernet
from supernet.training.checkpoint import FILE

__all__ = ["TEACHER"]

_IMPORTANCE = "activations"  # what decides which parts come first


def teacher(context: Context) -> Teacher | None:
    """Return the teacher, which all runs that would train the same one share; ``None`` without a checkpoint."""
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
    context.pretrained.initialise(supernet, examples=examples_of(context.data))
    began, new = time.monotonic(), not any(folder.glob(f"*/{FILE}"))
    if new and settings.teacher_steps:
        step = step_seconds(supernet, context.data, training, device=context.accelerator)
        takes = duration_text(settings.teacher_steps * step)
        context.reporter.message(
            f"teacher: {context.pretrained} is trained for {settings.teacher_steps} steps first, about {takes}"
        )
    made = make_teacher(
        supernet,
        context.data,
        training,
        origin=origin,
        folder=folder,
        steps=settings.teacher_steps,
        taught_steps=settings.rungs[-1],
        weight=settings.teacher_weight,
        device=context.accelerator,
    )
    metric = context.data.metric
    took = f", in {time.monotonic() - began:.0f} s" if new else ""
    context.reporter.message(f"teacher: validation {metric} {metric.text(made.error)}{took}; {_kept(made)}")
    return made


def _kept(made: Teacher) -> str:
    """Say which layers shallower networks keep, counted from 1."""
    depths = sorted(d for d in made.layers if d in made.supernet.space.depth)[:-1]
    kept = [f"{d} of them {', '.join(str(i + 1) for i in made.layers[d])}" for d in depths]
    return f"layers kept by networks of {'; '.join(kept)}" if kept else "no network has fewer layers"


TEACHER = Stage(name="teacher", run=teacher, after=(DATA,))
