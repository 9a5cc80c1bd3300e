"""Make a family of smaller networks out of a checkpoint, and export the one that is best within the budget.

A run with what such a run wants: ``init=hf``, the space around the checkpoint, its vocabulary trimmed, and the rate and
the rounds of networks that begin with trained weights. Whatever is set takes the place of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runs.app.verb import Verb, Word
from search_space.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from runs.app.invocation import Invocation
    from runs.pipeline.context import Context
    from runs.pipeline.plan import Plan

__all__ = ["VERB", "defaults"]

_WANTED: Mapping[str, object] = {
    "init.format": "hf",
    "space": "checkpoint",
    "training.learning_rate": 5e-4,
    "training.batch_size": 32,
    "search.fidelities.optimizer": "adamw",
    "search.fidelities.rungs": [50, 100, 200, 400, 800],
}
_IMITATED = {"search.fidelities.teacher_steps": 0, "search.fidelities.teacher_weight": 0.0}
"""The checkpoint's vectors are the targets themselves: it needs no training, and there is no second teacher."""
_TRIM = "trim_vocabulary"


def defaults(given: Mapping[str, str | None]) -> dict[str, object]:
    """Return the keys that a compression sets where nobody else does, from those that are given.

    Raises
    ------
    ConfigError
        No checkpoint is given.
    """
    from supernet.tasks import TASKS

    if not given.get("init.path"):
        raise ConfigError(
            "compress",
            expected="the folder of a checkpoint",
            got="none",
            remedy="write nasweave compress DIR task=text task.options.path=mine.csv",
        )
    task, plain = given.get("task") or "digits", str(given.get("task.options.path") or "").lower().endswith(".txt")
    plain = plain and task != "embedding"
    trimmed = task in TASKS and _TRIM in TASKS[task].options and not plain
    return {
        **_WANTED,
        **({f"task.options.{_TRIM}": True} if trimmed else {}),
        **(_IMITATED if task == "embedding" else {}),
    }


def run(invocation: Invocation) -> None:
    """Do all of it in order, skipping what is done, and say what became of the checkpoint."""
    from runs.app.time_budget import say_expected
    from runs.pipeline.plans import plan_of
    from runs.pipeline.stages.export import EXPORT
    from runs.pipeline.stages.report import REPORT
    from runs.pipeline.stages.trained.teacher import TEACHER

    context = invocation.open()
    context.reporter.message(f"around {context.pretrained}: {context.space}")
    plan = plan_of(context)
    say_expected(context, plan)
    if context.config.search.method == "fidelities":
        plan.run(TEACHER)
    plan.run(REPORT)
    _tell(context, plan, plan.run(EXPORT))


def _tell(context: Context, plan: Plan, exported: Path) -> None:
    """Compare the exported network with the checkpoint's own, as both are predicted."""
    from runs.pipeline.stages.devices import DEVICES

    (candidate,) = (c for c in context.store.candidates(context.run.id, state="complete") if c.key == exported.name)
    largest = context.space.largest  # in float, where the space has that
    costs = plan.run(DEVICES).costs(context.space.encode([largest, candidate.architecture]))
    (slow, fast), (large, small) = costs["latency_ms"].tolist(), (costs["size_bytes"] / 1e6).tolist()
    context.reporter.message(
        f"compressed: {slow:.3g} to {fast:.3g} ms ({slow / fast:.1f} times as fast), {large:.3g} to {small:.3g} MB "
        f"({large / small:.1f} times smaller); validation {context.data.metric} "
        f"{context.data.metric.text(candidate.values['validation_error'])}"
    )


VERB = Verb(
    help="Make smaller networks of a checkpoint, and export the best within the budget",
    run=run,
    words=(Word(name="path", key="init.path", help="folder of the checkpoint", positional=True),),
    defaults=defaults,
)
