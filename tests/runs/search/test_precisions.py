"""The precisions that a search in fidelities proposes: those that gain something on the device, and float."""

from __future__ import annotations

import numpy as np
import pytest

from predictors import CostModel
from runs.search.algorithms.design import skewed_sample
from runs.search.algorithms.genotype import PRECISIONS, Floats, SpaceGenotype
from runs.search.fidelities.neighbours import one_gene_neighbours
from runs.search.fidelities.precisions import useful_precisions
from search_space import Genes, SearchSpace


def slower_in(space: SearchSpace, **factors: float):
    """Return a latency to which each layer's mixer adds its factor, by the precision it has, 1 for the others."""

    def known(genes: Genes) -> Floats:
        table = np.array([factors.get(name, 1.0) for name in space.precision])
        mixer, channel = (table[space.layer_genes(genes)[..., i]] for i in (4, 5))
        return np.sum((mixer + 1.0 + 0.0 * channel) * space.active(genes), axis=1)[:, None]

    return known


def test_only_what_gains_is_proposed_and_where_it_gains(make_space) -> None:
    space = make_space(precision=["float", "w8a8", "w8", "w4"])
    useful = useful_precisions(space, slower_in(space, w8a8=0.5, w8=1.3, w4=0.98))
    assert useful == {"mixer_precision": ("float", "w8a8"), "channel_precision": ("float",)}
    noisy = useful_precisions(space, slower_in(space, w8a8=0.5, w8=1.3, w4=0.98), noise=0.3)
    assert noisy["mixer_precision"] == ("float",), "a gain of a quarter is none in a profile that is off by more"


def test_a_smaller_file_is_a_gain(make_space) -> None:
    space = make_space(precision=["float", "w8a8", "w8", "w4"])
    costs = CostModel(space)
    useful = useful_precisions(space, lambda genes: costs.size_bytes(genes).astype(float)[:, None])
    assert all(set(useful[gene]) == set(space.precision) for gene in PRECISIONS)


def test_without_float_there_is_nothing_to_compare_with(make_space) -> None:
    space = make_space(precision=["w8a8", "w8"])
    assert useful_precisions(space, slower_in(space))["mixer_precision"] == ("w8a8", "w8")


@pytest.mark.parametrize("propose", ["draw", "neighbours"])
def test_no_other_precision_is_ever_proposed(make_space, propose: str) -> None:
    space = make_space(precision=["w8a8", "float", "w4"])
    genotype = SpaceGenotype(space, precisions={"mixer_precision": ("float",), "channel_precision": ("float", "w4")})
    genes = skewed_sample(genotype, np.random.default_rng(0), 50)
    if propose == "neighbours":
        genes = one_gene_neighbours(genotype, genes[:3])
    assert (space.canonical(genes) == genes).all() and (genotype.canonical(genes) == genes).all()
    layers = [layer for architecture in space.decode(genes) for layer in architecture.layers]
    assert {layer.mixer_precision for layer in layers} == {"float"}
    assert {layer.channel_precision for layer in layers} == {"float", "w4"}
