"""Muon against PyTorch's, which goes matrix by matrix in bfloat16, and against the singular values it is defined by."""

from __future__ import annotations

import pytest
import torch

from supernet import Network
from supernet.training.rounds import Muon, layer_matrices, orthogonalised
from tests.supernet.training.job import job

SHAPES = ((16, 24), (24, 16), (16, 16), (16, 24))


def matrices(seed: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def give_gradients(weights: list[torch.nn.Parameter], *, seed: int) -> None:
    generator = torch.Generator().manual_seed(100 + seed)
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator)


def test_a_matrix_keeps_its_singular_vectors_and_loses_its_singular_values():
    given = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u, _, v = torch.linalg.svd(given, full_matrices=False)
    inside = u.mT @ orthogonalised(given) @ v.mT
    values = torch.diagonal(inside, dim1=-2, dim2=-1)
    assert values.min() > 0.6 and values.max() < 1.3
    assert (inside - torch.diag_embed(values)).abs().max() < 1e-9


def test_a_zero_matrix_stays_zero():
    assert torch.equal(orthogonalised(torch.zeros(2, 8, 9)), torch.zeros(2, 8, 9))


def test_steps_are_those_of_pytorch():
    ours, theirs = matrices(0), matrices(0)
    begin = [w.detach().clone() for w in ours]
    muon = Muon(ours, lr=0.02, weight_decay=0.1)
    other = torch.optim.Muon(
        theirs, lr=0.05, weight_decay=0.04, momentum=0.95, adjust_lr_fn="match_rms_adamw", ns_steps=3
    )
    for seed in range(5):
        for weights, optimizer in ((ours, muon), (theirs, other)):
            give_gradients(weights, seed=seed)
            optimizer.step()
    for first, mine, right in zip(begin, ours, theirs, strict=True):
        assert (mine - right).norm() < 0.05 * (right - first).norm()
        assert (right - first).norm() > 0.1


def test_a_matrix_without_a_gradient_stays_as_it_is():
    weights = matrices(1)
    give_gradients(weights, seed=0)
    weights[1].grad = None
    before = weights[1].detach().clone()
    Muon(weights, lr=0.1, weight_decay=0.5).step()
    assert torch.equal(weights[1], before) and not torch.equal(weights[0], matrices(1)[0])


@pytest.mark.parametrize("which", ["smallest", "largest"])
def test_it_takes_the_matrices_between_stem_and_head(which: str):
    space, _, _ = job(steps=1)
    network = Network(getattr(space, which), space.geometry)
    taken = {id(w) for w in layer_matrices(network)}
    names = {name for name, p in network.named_parameters() if id(p) in taken}
    assert all("_blocks." in name and name.endswith(".weight") for name in names)
    inside = {n for n, p in network.named_parameters() if "_blocks." in n and p.ndim == 2 and min(p.shape) >= 8}
    assert names == inside and (names or which == "smallest")
    assert not any("norm" in name for name in names)
