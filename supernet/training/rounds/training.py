"""The training of one network in rounds, of which nobody knows at the start how many there will be.

In a round the rate rises briefly and then falls to zero in a straight line, so that every round ends with a network as
good as it can be after its steps; the next round goes on from its weights and moments. The labels teach, and where
networks begin with those of a checkpoint its own network does too (``teaching.py``). Muon steps the matrices of the
layers, AdamW everything else: errors fall faster than with AdamW alone (``docs/search.md``).

A checkpoint is written at the end of each round, in long ones every ``config.checkpoint_every`` steps, and where a
signal asks to stop: what was interrupted goes on in the middle of its round, bit for bit under the same conditions.

Papers: Loshchilov & Hutter 2017 (SGDR: restarts); Defazio et al. 2023 (When, Why and How Much: linear decay).
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_space.errors import CheckpointError, ConfigError, NasweaveError
from supernet.elastic import ElasticLinear
from supernet.model import Network
from supernet.tasks import TaskData
from supernet.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from supernet.training.config import TrainingConfig
from supernet.training.lengths import ByLength
from supernet.training.mixed_precision import autocast
from supernet.training.rounds.muon import Muon, layer_matrices
from supernet.training.rounds.teaching import Teaching
from supernet.training.sampling import augmentation_generator, training_rows
from supernet.training.state import make_optimizer, restore_state, stored_state
from supernet.training.stopping import held_back

__all__ = ["OPTIMIZERS", "RoundTraining", "round_rate"]

OPTIMIZERS = ("muon", "adamw")

_WARMUP = 20  # steps at most, a tenth of a round


def round_rate(step: int, *, steps: int) -> float:
    """Return the share of the learning rate in update ``step``, counted from 0, of a round of ``steps``."""
    warmup = min(_WARMUP, steps // 10)
    return min((step + 1) / (warmup + 1), (steps - step) / max(steps - warmup, 1))


class RoundTraining:
    """A network in training, round after round.

    Parameters
    ----------
    network
        With the weights to begin with; it is trained in place.
    identity
        Names the network and what it began with; a checkpoint of another is refused.
    data, config
        The examples, and batch size, rate, decay, clipping, smoothing and seed; ``config.steps`` does not count.
    optimizer
        ``muon`` for the matrices of the layers, with AdamW for the rest, or ``adamw`` for everything.
    path
        The checkpoint file; what it holds is taken up. ``None`` keeps nothing.
    teaching
        What teaches beside the labels, if anything does.

    Raises
    ------
    CheckpointError
        For a checkpoint that is damaged or of another training.
    ConfigError
        There is no such optimizer.
    """

    def __init__(
        self,
        network: Network,
        *,
        identity: str,
        data: TaskData,
        config: TrainingConfig,
        optimizer: str = "muon",
        path: Path | None = None,
        teaching: Teaching | None = None,
    ) -> None:
        self.teaching = teaching
        self.network, self.identity, self.data, self.config, self.path = network, identity, data, config, path
        self.device = next(network.parameters()).device
        self._outputs = ByLength(network, exact=False)
        self.step = 0
        self._round = (0, 0)
        self._taken_up: Checkpoint | None = None  # until it is trained further
        self._linears = [m for m in network.modules() if isinstance(m, ElasticLinear)]
        if optimizer not in OPTIMIZERS:
            raise ConfigError(
                "optimizer", expected=f"one of {', '.join(OPTIMIZERS)}", got=repr(optimizer), remedy="correct it"
            )
        self.optimizer = optimizer
        matrices = layer_matrices(network) if optimizer == "muon" else []
        self._optimizers: list[torch.optim.Optimizer] = [make_optimizer(network, config, apart_from=matrices)]
        if matrices:
            self._optimizers.append(Muon(matrices, lr=config.learning_rate, weight_decay=config.weight_decay))
        if path is not None and path.exists():
            self._restore(load_checkpoint(path), where=path)

    def train_to(self, steps: int) -> Network:
        """Train until ``steps`` updates are done, as one round; returns the network in evaluation mode.

        Raises
        ------
        NasweaveError
            When the loss or its gradient is not finite; the last checkpoint stays.
        """
        if self.step < steps:
            if self._taken_up is not None and self.path is not None:
                self._taken_up.warn_of_other_numerics(self._numerics(), where=self.path)
                self._taken_up = None
            if self._round[1] != steps:
                self._round = (self.step, steps)
            self.network.train()
            for layer in self._linears:
                layer.pruned = 1.0
            began = self.step
            with held_back(enabled=self.path is not None) as is_asked:
                while self.step < steps and not is_asked():
                    self._update()
                    if self.path is not None and (self.step == steps or self.step % self.config.checkpoint_every == 0):
                        self._save(self.path)
                if self.path is not None and began < self.step < steps and self.step % self.config.checkpoint_every:
                    self._save(self.path)
        return self.network.eval()

    def _update(self) -> None:
        config = self.config
        rows = training_rows(self.data, config, step=self.step)
        inputs, targets = self.data.train.batch(rows)
        inputs = self.data.augment(inputs, augmentation_generator(seed=config.seed, step=self.step))
        inputs, targets = inputs.to(self.device), targets.to(self.device)
        self.network.zero_grad(set_to_none=True)
        with autocast(inputs.device, bf16=config.bf16):
            outputs = self._outputs(inputs)
        loss = self._loss(outputs.float(), targets, rows, inputs)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_clip)
        values = torch.stack((loss.detach(), norm)).tolist()
        if not all(map(math.isfinite, values)):
            raise NasweaveError(
                "training",
                expected="a finite loss and gradient",
                got=f"loss {values[0]:g} and gradient norm {values[1]:g} in step {self.step + 1} of {self.identity}",
                remedy="lower search.fidelities.learning_rate; the last good checkpoint stays",
            )
        start, end = self._round
        rate = config.learning_rate * round_rate(self.step - start, steps=end - start)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        self.step += 1

    def _loss(self, outputs: Tensor, targets: Tensor, rows: Tensor, inputs: Tensor) -> Tensor:
        """Return the loss on the labels and, by its share, on the teacher's outputs."""
        loss = self.data.loss(outputs, targets, label_smoothing=self.config.label_smoothing)
        if self.teaching is None:
            return loss
        taught = self.data.soft_loss(outputs, self.teaching.of(rows, inputs, bf16=self.config.bf16), targets)
        return torch.lerp(loss, taught, self.teaching.weight)

    def _numerics(self) -> dict[str, Any]:
        return {"torch": str(torch.__version__), "device": self.device.type, "threads": torch.get_num_threads()}

    def _header(self) -> dict[str, Any]:
        own = {k: v for k, v in asdict(self.config).items() if k not in ("steps", "checkpoint_every")}
        taught = {} if self.teaching is None else {"teacher": self.teaching.weight}
        return {**own, "optimizer": self.optimizer, **taught}

    def _save(self, path: Path) -> None:
        header = {**self._header(), "round": list(self._round)}
        checkpoint = Checkpoint(
            step=self.step,
            space=self.identity,
            data=self.data.data_hash,
            config=header,
            numerics=self._numerics(),
            tensors=stored_state(self.network, self._optimizers),
        )
        save_checkpoint(path, checkpoint)

    def _restore(self, checkpoint: Checkpoint, *, where: Path) -> None:
        checkpoint.check(where=where, space=self.identity, config=None, data=self.data.data_hash)
        header = dict(checkpoint.config)
        start, end = header.pop("round", (0, 0))
        if header != self._header():
            differing = sorted(k for k in {**header, **self._header()} if header.get(k) != self._header().get(k))
            raise CheckpointError(
                f"{where}: {differing[0]}",
                expected=repr(self._header().get(differing[0])),
                got=repr(header.get(differing[0])),
                remedy="restore what it was trained with, or train into another folder",
            )
        restore_state(self.network, self._optimizers, checkpoint.tensors, where=where)
        self.step, self._round = checkpoint.step, (int(start), int(end))
        self._taken_up = replace(checkpoint, tensors={})
