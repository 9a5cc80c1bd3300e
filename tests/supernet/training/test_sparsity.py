"""Weights that a sparse precision drops shrink to zero while training runs; the averaged network never has them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from search_space import space_from_mapping
from supernet import Supernet, catalogue
from supernet.elastic import ElasticLinear
from supernet.training import TrainingConfig, finetune
from supernet.training.distributed import Ranks
from supernet.training.loop import Sandwich
from supernet.training.sampling import initial_generator
from supernet.training.state import Training
from tests.supernet.training.job import SPACE, job

SPARSE = {**SPACE, "mixer": ["softmax"], "channel_mixer": ["mlp"], "precision": ["w8a8_2of4"]}
_, DATA, _ = job()
TRAINING = TrainingConfig(steps=8, batch_size=16, precision_phase=0.5, teacher_phase=0.0, checkpoint_every=8)


def pruned(network: torch.nn.Module) -> set[float]:
    return {m.pruned for m in network.modules() if isinstance(m, ElasticLinear)}


class Watched(Sandwich):
    """Keeps what it has seen."""

    def accumulate(self, inputs: Tensor, targets: Tensor, *, step: int) -> Tensor:
        self.seen = [*getattr(self, "seen", []), pruned(self.model)]
        return super().accumulate(inputs, targets, step=step)


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    space = space_from_mapping(SPARSE, task=DATA.shape, catalogue=catalogue())
    return Supernet(space, generator=initial_generator(seed=1))


def test_a_supernet_prunes_in_the_first_half_of_its_precision_phase(supernet: Supernet, tmp_path: Path):
    rule = Watched(supernet.train(), data=DATA, config=TRAINING)
    training = Training(supernet, rule, identity="a", data=DATA, config=TRAINING, folder=tmp_path, ranks=Ranks())
    trained = training.fit(None)
    assert rule.seen == [{share} for share in (0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0)]
    assert pruned(trained) == {1.0}


def test_a_sparse_network_learns(supernet: Supernet, tmp_path: Path):
    config = TrainingConfig(steps=60, batch_size=32, learning_rate=3e-3, distillation_weight=0.0, checkpoint_every=60)
    architecture = supernet.space.largest
    done = finetune(supernet.eval(), architecture, DATA, config, supernet_fingerprint="a", folder=tmp_path)
    assert done.improved and done.trained.error < done.inherited.error - 20
    assert pruned(done.network) == {1.0}
