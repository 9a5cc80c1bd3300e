"""What is found out about genes from ``cards`` and ``canonical`` alone."""

from __future__ import annotations

import numpy as np

from benchmarks.gene_structure import GeneStructure
from benchmarks.structure_surrogate import StructureSurrogate

LAYERS = 5


def _deep(x: np.ndarray) -> np.ndarray:
    """Depth gene first, then five heads and five ratios, all of three choices."""
    on = np.arange(LAYERS)[None] < 3 + x[:, :1]
    return np.concatenate([x[:, :2], x[:, 2:] * np.tile(on, 2)], axis=1)


DEEP = GeneStructure((3, 2) + (3,) * (2 * LAYERS), _deep)


def test_which_genes_matter() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, DEEP.cards, (200, 12))
    on = np.arange(LAYERS)[None] < 3 + rows[:, :1]
    expected = np.concatenate([np.ones((200, 2), bool), on, on], axis=1)
    np.testing.assert_array_equal(DEEP.active(DEEP.canonical(rows)), expected)


def test_genes_of_one_property_are_grouped() -> None:
    assert [g.tolist() for g in DEEP.groups] == [[2, 3, 4, 5, 6], [7, 8, 9, 10, 11]], (
        "two runs that touch are told apart"
    )
    assert DEEP.globals == [0, 1]
    by_layer = GeneStructure((7,) + (4, 3, 2) * 4, lambda x: x)
    assert [g.tolist() for g in by_layer.groups] == [[1, 4, 7, 10], [2, 5, 8, 11], [3, 6, 9, 12]]
    single = GeneStructure((2, 5, 3), lambda x: x)
    assert not single.groups and single.globals == [0, 1, 2]


def test_a_layer_that_turns_its_own_genes_off() -> None:
    def canonical(x: np.ndarray) -> np.ndarray:
        out = x.reshape(len(x), 4, 2).copy()
        out[..., 1] *= out[..., 0] > 0
        return out.reshape(len(x), -1)

    structure = GeneStructure((3, 4) * 4, canonical)
    rows = np.array([[0, 0, 1, 0, 2, 3, 0, 0]])
    assert structure.active(structure.canonical(rows)).tolist() == [[True, False, True, True, True, True, True, False]]


def test_equal_networks_have_equal_features() -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, DEEP.cards, (50, 12))
    np.testing.assert_array_equal(DEEP.features(DEEP.canonical(rows)), DEEP.features(DEEP.canonical(_deep(rows))))


def test_the_surrogate_learns_totals_and_interactions() -> None:
    """Width times depth times totals, then an exponential: 60 rows tell the rest, and honestly how well."""
    rng = np.random.default_rng(2)
    genes = DEEP.canonical(rng.integers(0, DEEP.cards, (560, 12)))
    on = DEEP.active(genes)
    total = ((1.0 + genes[:, 2:]) * on[:, 2:]).sum(axis=1)
    y = np.exp(0.05 * total * (1.0 + genes[:, 1])) + 10.0
    mean, deviation = StructureSurrogate(DEEP).fit(genes[:60], y[:60]).predict(genes[60:], return_std=True)
    error = np.abs(mean - y[60:])
    assert np.median(error / y[60:]) < 0.01
    assert 0.75 < (error < 1.645 * deviation).mean() <= 1.0
