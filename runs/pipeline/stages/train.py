"""Train the supernet of a space on a task, or load the one that an earlier run trained the same way."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial

from runs.lock import exclusive
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.stages.data.understood import DATA
from runs.pipeline.starts import begin_with_checkpoint
from supernet import Supernet
from supernet.training import load_trained
from supernet.training import train as train_supernet
from supernet.training.checkpoint import FILE, is_finished

__all__ = ["LOAD_TRAINED", "TRAIN"]


def train(context: Context) -> Supernet:
    """Return the trained supernet; an interrupted training continues at its last checkpoint.

    Under ``torchrun`` the first process alone holds the folder and shows progress.
    """
    with ExitStack() as stack:
        progress = None
        if int(os.environ.get("RANK", "0")) == 0:
            stack.enter_context(exclusive(context.supernet_folder / ".lock"))
            if context.config.search.method == "fidelities":
                context.reporter.warning(
                    "this supernet is for searches by a sampler, such as search=nasweave: one in fidelities needs none"
                )
            progress = stack.enter_context(context.reporter.progress("train"))
        return train_supernet(
            context.space,
            context.data,
            context.config.training,
            folder=context.supernet_folder,
            device=str(context.accelerator),
            start=None if context.pretrained is None else partial(begin_with_checkpoint, context, context.pretrained),
            progress=progress,
        )


def load(context: Context) -> Supernet:
    """Return the supernet that another command trains; waits for a training under way, and begins none.

    Raises
    ------
    CheckpointError
        There is no finished supernet yet.
    """
    with exclusive(context.supernet_folder / ".lock"):
        return load_trained(context.space, context.supernet_folder).to(context.accelerator)


TRAIN = Stage(name="train", run=train, after=(DATA,), done=lambda context: is_finished(context.supernet_folder / FILE))
LOAD_TRAINED = Stage(name="load the supernet", run=load)
