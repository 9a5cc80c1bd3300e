"""The state of a training and what changes it: optimiser, averaged weights, checkpoints, curve; exact resume.

What a step minimises is a :class:`Rule`; a supernet's is the sandwich, a single network's is plain distillation.

Papers: Loshchilov & Hutter 2019 (AdamW); Polyak & Juditsky 1992 (averaged weights).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from search_space.errors import CheckpointError, NasweaveError
from supernet.elastic import ElasticLinear
from supernet.tasks import TaskData
from supernet.training.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint
from supernet.training.config import TrainingConfig
from supernet.training.curve import Curve
from supernet.training.distributed import Ranks
from supernet.training.sampling import augmentation_generator, training_rows
from supernet.training.stopping import held_back

__all__ = [
    "CURVE",
    "Progress",
    "Rule",
    "Training",
    "make_optimizer",
    "restore_state",
    "restore_weights",
    "stored_state",
]

CURVE = "training.jsonl"
# AdamW's default of 1e-8 would turn the rounding noise of a gradient that is zero by symmetry (the bias of a key under
# softmax) into full steps.
_EPS = 1e-6
_MOMENTS = ("step", "exp_avg", "exp_avg_sq", "momentum")  # what AdamW or Muon knows of a weight
Progress = Callable[[int, int, str], None]
Model = TypeVar("Model", bound=nn.Module)
logger = logging.getLogger("nasweave.supernet")


class Rule(Protocol):
    """What a step minimises.

    ``rate`` is the configuration's key of its learning rate.
    """

    rate: ClassVar[str]

    @property
    def precision_start(self) -> int:
        """Return the first update, counted from 0, that computes in integers."""

    def accumulate(self, inputs: Tensor, targets: Tensor, *, step: int) -> Tensor:
        """Add the gradient of the step's loss to the model's parameters; returns its terms, ``(n,)``, detached."""

    def named(self, losses: Sequence[float]) -> dict[str, float | None]:
        """Return the terms as the curve's columns."""


class Training(Generic[Model]):
    """A model in training.

    Parameters
    ----------
    model, rule
        What is trained, and on what; the rule holds the same model.
    identity
        Names what is trained; a checkpoint of another is refused.
    data, config
        The examples, and how to step.
    folder
        Where checkpoint and curve are kept.
    ranks
        The processes that share each batch.
    """

    def __init__(
        self,
        model: Model,
        rule: Rule,
        *,
        identity: str,
        data: TaskData,
        config: TrainingConfig,
        folder: Path,
        ranks: Ranks,
    ) -> None:
        ranks.check_batch(config.batch_size)
        self.identity, self.data, self.config, self.folder, self.ranks = identity, data, config, folder, ranks
        self.model, self.rule, self.device = model, rule, next(model.parameters()).device
        self.linears = [m for m in model.modules() if isinstance(m, ElasticLinear)]
        self.averaged = AveragedModel(model, multi_avg_fn=self._average)
        self.optimizer = make_optimizer(model, config)
        self.step = 0

    def fit(self, progress: Progress | None) -> Model:
        """Train from the last checkpoint or the start to the end; returns the averaged model in evaluation mode.

        Raises
        ------
        CheckpointError
            For a checkpoint that is damaged or of another training.
        NasweaveError
            When the loss or its gradient is not finite; the last checkpoint stays.
        """
        self.restore()
        if self.step < self.config.steps:
            self.run(progress)
        return cast(Model, self.averaged.module).eval()

    def _average(
        self, averaged: tuple[Tensor, ...] | list[Tensor], current: tuple[Tensor, ...] | list[Tensor], _: Tensor | int
    ) -> None:
        average = get_ema_multi_avg_fn(self.config.ema_decay_at(self.step))  # type: ignore[no-untyped-call]
        average(averaged, current, 0)

    def restore(self) -> None:
        """Take up the checkpoint in the folder, if there is one."""
        path = self.folder / FILE
        if path.exists():
            checkpoint = load_checkpoint(path)
            checkpoint.check(where=path, space=self.identity, config=self.config, data=self.data.data_hash)
            if self.ranks.is_writer and not checkpoint.finished:
                checkpoint.warn_of_other_numerics(self._numerics(), where=path)
            tensors = checkpoint.tensors
            restore_state(self.model, [self.optimizer], tensors, where=path)
            restore_weights(self.averaged.module, tensors, prefix="averaged/", where=path)
            self.step = checkpoint.step
            self.averaged.n_averaged.fill_(checkpoint.step)
            logger.info("continuing at step %d of %d", self.step, self.config.steps)
        self.ranks.wait()

    def _numerics(self) -> dict[str, Any]:
        """Return what decides the order of sums besides space, data and configuration."""
        return {
            "torch": str(torch.__version__),
            "device": self.device.type,
            "threads": torch.get_num_threads(),
            "processes": self.ranks.size,
        }

    def save(self) -> None:
        """Write the checkpoint of this step."""
        averaged = {f"averaged/{name}": mean for name, mean in self.averaged.module.named_parameters()}
        checkpoint = Checkpoint(
            step=self.step,
            space=self.identity,
            data=self.data.data_hash,
            config=asdict(self.config),
            numerics=self._numerics(),
            tensors={**stored_state(self.model, [self.optimizer]), **averaged},
        )
        save_checkpoint(self.folder / FILE, checkpoint)

    def run(self, progress: Progress | None) -> None:
        """Do the remaining steps; the writer keeps curve and checkpoints, the curve first.

        Where a signal asks to stop, the step that is under way is done and kept first.
        """
        if not self.ranks.is_writer:
            while self.step < self.config.steps:
                self.update()
            return
        began, alone = self.step, self.ranks.size == 1  # several would each stop after another step
        with held_back(enabled=alone) as is_asked, Curve(self.folder / CURVE, step=self.step) as curve:
            while self.step < self.config.steps and not is_asked():
                losses, gradient_norm = self.update()
                loss = math.fsum(losses) / len(losses)
                curve.append(
                    step=self.step,
                    loss=loss,
                    **self.rule.named(losses),
                    learning_rate=self.config.learning_rate_at(self.step - 1),
                    gradient_norm=gradient_norm,
                )
                if self.step % self.config.checkpoint_every == 0 or self.step == self.config.steps:
                    curve.flush()
                    self.save()
                if progress is not None:
                    progress(self.step, self.config.steps, f"loss {loss:.3f}")
            if began < self.step < self.config.steps and self.step % self.config.checkpoint_every:
                curve.flush()
                self.save()
                logger.warning("stopped after step %d of %d, which is saved", self.step, self.config.steps)

    def update(self) -> tuple[Sequence[float], float]:
        """Do one step; returns the terms of its loss and the norm of the gradient before clipping."""
        config, step = self.config, self.step
        inputs, targets = self.data.train.batch(training_rows(self.data, config, step=step))
        inputs = self.data.augment(inputs, augmentation_generator(seed=config.seed, step=step))
        pruned = config.pruned_at(step, start=self.rule.precision_start)
        for layer in self.linears:
            layer.pruned = pruned
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.rule.accumulate(
            self.ranks.shard(inputs).to(self.device), self.ranks.shard(targets).to(self.device), step=step
        )
        self.ranks.average([*(p.grad for p in self.model.parameters() if p.grad is not None), losses])
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.gradient_clip))
        values = losses.tolist()
        if not all(map(math.isfinite, (*values, norm))):
            raise NasweaveError(
                "training",
                expected="a finite loss and gradient",
                got=f"losses {', '.join(f'{v:g}' for v in values)} and gradient norm {norm:g} in step {step + 1}",
                remedy=f"lower {self.rule.rate}; the last good checkpoint stays",
            )
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate_at(step)
        self.optimizer.step()
        self.averaged.update_parameters(self.model)
        self.step += 1
        return values, norm


def make_optimizer(
    model: nn.Module, config: TrainingConfig, *, apart_from: Collection[Tensor] = ()
) -> torch.optim.AdamW:
    """Return AdamW that decays linear weights, but no norm, bias, position or convolution."""
    decayed = {id(m.weight) for m in model.modules() if isinstance(m, ElasticLinear)}
    others = {id(p) for p in apart_from}
    parameters = [p for p in model.parameters() if id(p) not in others]
    groups = [
        {"params": [p for p in parameters if id(p) in decayed], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if id(p) not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), eps=_EPS, fused=True)


def stored_state(model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Return weights and moments under the names by which :func:`restore_state` finds them."""
    tensors: dict[str, Tensor] = {}
    for name, weight in model.named_parameters():
        moments = {key: value for one in optimizers for key, value in one.state.get(weight, {}).items()}
        tensors |= {f"weight/{name}": weight, **{f"{key}/{name}": value for key, value in moments.items()}}
    return tensors


def restore_state(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], tensors: Mapping[str, Tensor], *, where: Path
) -> None:
    """Take up stored weights and moments; raises ``CheckpointError`` where names or shapes of weights differ."""
    restore_weights(model, tensors, prefix="weight/", where=where)
    owner = {id(p): one for one in optimizers for group in one.param_groups for p in group["params"]}
    for name, weight in model.named_parameters():
        moments = {key: tensors[f"{key}/{name}"] for key in _MOMENTS if f"{key}/{name}" in tensors}
        if moments:
            owner[id(weight)].state[weight] = {k: m.to(weight.device, copy=True) for k, m in moments.items()}


def restore_weights(model: nn.Module, tensors: Mapping[str, Tensor], *, prefix: str, where: Path) -> None:
    """Copy stored weights into a model; raises ``CheckpointError`` where names or shapes differ."""
    targets = dict(model.named_parameters())
    stored = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    differing = sorted(set(stored) ^ set(targets)) or sorted(n for n in targets if targets[n].shape != stored[n].shape)
    if differing:
        raise CheckpointError(
            str(where),
            expected="the weights of this version's model",
            got=f"a difference in {', '.join(differing[:3])}",
            remedy="use the version that trained it, or train into another folder",
        )
    with torch.no_grad():
        for name, parameter in targets.items():
            parameter.copy_(stored[name])
