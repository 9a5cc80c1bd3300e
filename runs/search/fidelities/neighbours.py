"""Networks near given ones: all that differ in one gene, and random ones that differ in a few."""

from __future__ import annotations

import numpy as np

from runs.search.algorithms.genotype import Chromosome, distinct, keys
from search_space import Genes

__all__ = ["children", "one_gene_neighbours"]


def one_gene_neighbours(genotype: Chromosome, genes: Genes) -> Genes:
    """Return every network that differs from one of the rows ``(n, genes)`` in one gene, each once, without the rows.

    A gene that changes what other genes mean (the depth, a mixer without heads) changes these with it, to the legal
    form.
    """
    cards = genotype.cards
    columns = np.repeat(np.arange(len(cards)), cards)
    values = np.concatenate([np.arange(card) for card in cards]) if len(cards) else np.zeros(0, np.int64)
    changed = np.repeat(genes[:, None, :], len(columns), axis=1)
    changed[:, np.arange(len(columns)), columns] = values
    return distinct(genotype.canonical(changed.reshape(-1, len(cards))), apart_from=keys(genotype.canonical(genes)))


def children(genotype: Chromosome, parents: Genes, rng: np.random.Generator, n: int) -> Genes:
    """Return up to ``n`` networks of two parents, a few genes of each redrawn; duplicates of parents are left out."""
    if not len(parents):
        return parents
    cards = genotype.cards
    a, b = (parents[rng.integers(0, len(parents), n)] for _ in range(2))
    crossed = rng.random((n, 1)) < 0.5
    child = np.where(crossed & (rng.random(a.shape) < 0.5), b, a)
    rate = rng.choice([1.0, 2.0, 3.0], (n, 1)) / len(cards)
    redrawn = np.where(rng.random(a.shape) < rate, rng.integers(0, cards, a.shape), child)
    return distinct(genotype.canonical(redrawn), apart_from=keys(parents))
