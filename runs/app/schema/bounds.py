"""The highest number that each key may have, with the reason: what is beyond it would only end later, and worse.

Those of a task stand with its options, and those of a space are the highest that any block can have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from search_space.errors import ConfigError

__all__ = ["Bound", "bound_of", "check_bounds"]


class Bound(NamedTuple):
    """The highest number of a key, and why."""

    most: float
    why: str


_BATCH = Bound(1_000_000, "a batch is in memory at once")
_STEPS = Bound(10**9, "a thousand steps a second take two weeks for it")
_SEED = Bound(2**31 - 1, "the generators of all libraries take 31 bits")
_NETWORKS = Bound(100_000, "each of these networks takes seconds")
_LENGTH = Bound(1_000_000, "a task's length is the limit, and no longer one fits into memory")
_SECONDS = Bound(366 * 86400, "a year")
_SHARE = Bound(1, "a share of the whole")
_RATE = Bound(1000, "every training diverges long before")
_FOLDS = Bound(1000, "each fold is a run of its own")
_BLOCK = Bound(1_000_000, "such a block is too large for any memory")

_BOUNDS = {
    "hardware.threads": Bound(4096, "more than machines have cores"),
    "hardware.batch_size": _BATCH,
    "hardware.prompt_tokens": _LENGTH,
    "hardware.cache_tokens": _LENGTH,
    "profile.networks": _NETWORKS,
    "profile.precision": _SHARE,
    "profile.max_seconds": Bound(3600, "an hour for one block"),
    "profile.time_budget": _SECONDS,
    "profile.seed": _SEED,
    "profile.samples": _NETWORKS,
    "training.steps": _STEPS,
    "training.batch_size": _BATCH,
    "training.learning_rate": _RATE,
    "training.weight_decay": _RATE,
    "training.warmup_steps": _STEPS,
    "training.gradient_clip": Bound(1e12, "nothing is clipped at it, nor beyond"),
    "training.ema_decay": _SHARE,
    "training.num_random": Bound(1000, "each is a pass through a network in every step"),
    "training.distillation_weight": _SHARE,
    "training.uniform_every": _STEPS,
    "training.teacher_phase": _SHARE,
    "training.opening_phase": _SHARE,
    "training.precision_phase": _SHARE,
    "training.label_smoothing": _SHARE,
    "training.seed": _SEED,
    "training.checkpoint_every": _STEPS,
    "evaluation.batch_size": _BATCH,
    "evaluation.examples": Bound(10**9, "more than fit into memory"),
    "evaluation.finetune_steps": _STEPS,
    "search.n_trials": Bound(1_000_000, "the model of the search learns from all of them each time"),
    "search.settings": Bound(1_000_000, "more than networks that are evaluated"),
    "search.seed": _SEED,
    "search.fidelities.time_budget": _SECONDS,
    "search.fidelities.learning_rate": _RATE,
    "search.fidelities.rungs": _STEPS,
    "search.fidelities.initial": Bound(10_000, "the model of learning curves would never decide"),
    "search.fidelities.batch": Bound(10_000, "the model of learning curves would hardly decide"),
    "search.fidelities.max_rounds": Bound(1_000_000, "the model of the search learns from all of them each time"),
    "search.fidelities.processes": Bound(1000, "each is a process with the data in its memory"),
    "search.fidelities.baselines": _SHARE,
    "search.fidelities.halving": _SHARE,
    "search.fidelities.donor_share": _SHARE,
    "search.fidelities.decay_passes": Bound(1_000_000, "no decay that could be told from none"),
    "search.fidelities.teacher_steps": _STEPS,
    "search.fidelities.teacher_weight": _SHARE,
    "workers.index": Bound(1_000_000, "more than processes that share a search"),
    "workers.heartbeat_s": _SECONDS,
    "workers.grace_s": _SECONDS,
    "workers.patience_s": _SECONDS,
    "budget": Bound(1e18, "no network costs as much"),
    "baselines.random": _NETWORKS,
    "baselines.uniform": _NETWORKS,
    "finalists": _NETWORKS,
    "finetune.steps": _STEPS,
    "finetune.learning_rate": _RATE,
    "finetune.distillation_weight": _SHARE,
    "finetune.num_configurations": _NETWORKS,
    "bench.batch": _BATCH,
    "bench.seconds": Bound(86400, "a day for one batch size"),
    "task.fold": _FOLDS,
    "task.folds": _FOLDS,
    "task.quantile": _SHARE,
    "task.validation_share": _SHARE,
    "time_budget": _SECONDS,
    "space.depth": Bound(1000, "each layer has genes, blocks and weights of its own"),
    "space": _BLOCK,
}


def bound_of(key: str) -> Bound | None:
    """Return the bound of a dotted key: its own, or that of the nearest group of keys above it."""
    while key not in _BOUNDS and "." in key:
        key = key.rpartition(".")[0]
    return _BOUNDS.get(key)


def check_bounds(data: Mapping[str, object]) -> None:
    """Raise ``ConfigError`` for the first number of a configuration, as nested mappings, that is beyond its bound."""
    for key, value in _numbers(data, ""):
        bound = bound_of(key)
        if bound is not None and value > bound.most:
            raise ConfigError(
                key, expected=f"at most {bound.most:,} ({bound.why})", got=_shown(value), remedy="lower it"
            )


def _numbers(node: object, key: str) -> Iterator[tuple[str, int | float]]:
    if isinstance(node, Mapping):
        for name, item in node.items():
            yield from _numbers(item, f"{key}.{name}" if key else str(name))
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for item in node:
            yield from _numbers(item, key)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield key, node


def _shown(value: int | float) -> str:
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    return repr(value)
