"""What the genes of an unknown problem are, found out from ``cards`` and ``canonical`` alone.

A problem of ``problems.py`` says how many choices each gene has and which rows are one network. By probing
``canonical`` it is learned which genes decide whether others matter (a depth), and from runs of equal genes which of
them are one property of successive layers. That gives the numeric features that a surrogate needs, without a word about
any single problem.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space import Genes

__all__ = ["GeneStructure"]

Floats = NDArray[np.float64]
_PROBES = 256
_SMALLEST_GROUP = 3


class GeneStructure:
    """Genes with features: the genotype that :class:`runs.search.algorithms.guided.GuidedSearch` asks for.

    Parameters
    ----------
    cards
        Number of choices of every gene.
    canonicalise
        From ``(n, genes)`` integers to their canonical rows.
    """

    def __init__(self, cards: tuple[int, ...], canonicalise: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self.cards = np.array(cards, np.int64)
        self._canonicalise = canonicalise
        self._tables = self._controllers()
        self.groups = self._find_groups()
        grouped = set(np.concatenate(self.groups).tolist()) if self.groups else set()
        self.globals = [g for g in range(len(cards)) if g not in grouped and cards[g] > 1]

    def canonical(self, genes: NDArray[np.integer[Any]]) -> Genes:
        """Return the canonical form of in-range rows ``(n, genes)``."""
        return self._canonicalise(np.asarray(genes, np.int64)).astype(np.int16)

    def active(self, genes: Genes) -> NDArray[np.bool_]:
        """Return which genes matter in each row, ``(n, genes)``."""
        out = np.ones(genes.shape, bool)
        for gene, table in self._tables.items():
            out &= table[genes[:, gene]]
        return out

    def _controllers(self) -> dict[int, NDArray[np.bool_]]:
        """For each gene that decides about others: ``(choices, genes)``, which genes matter under each choice."""
        rng = np.random.default_rng(0)
        width = len(self.cards)
        # No gene but the probed one is 0, for 0 is what an inactive gene becomes.
        base = np.where(self.cards > 1, rng.integers(1, np.maximum(self.cards, 2), (_PROBES, width)), 0)
        found = {}
        for gene in np.flatnonzero(self.cards > 1):
            rows = np.repeat(base[None], self.cards[gene], axis=0)
            rows[:, :, gene] = np.arange(self.cards[gene])[:, None]
            kept = self._canonicalise(rows.reshape(-1, width)).reshape(rows.shape) == rows
            table = kept.any(axis=1)
            table[:, gene] = True
            if not table.all():
                found[int(gene)] = table
        return found

    def _find_groups(self) -> list[NDArray[np.intp]]:
        cards = self.cards
        share = np.ones(len(cards))
        for table in self._tables.values():
            share = share * table.mean(axis=0)
        # One layer after the other, each with the same genes: the same sequence of cards again and again.
        for period in range(2, len(cards) // _SMALLEST_GROUP + 1):
            start = len(cards) - period
            while start > 0 and cards[start - 1] == cards[start - 1 + period]:
                start -= 1
            tail = cards[start:]
            count = len(tail) // period
            if count >= _SMALLEST_GROUP and len(set(cards[-period:].tolist())) > 1:
                first = len(cards) - count * period
                return [np.arange(first + k, len(cards), period) for k in range(period) if cards[first + k] > 1]
        # One property after the other: a run of equal genes, anew where a gene is active more often than its neighbour.
        groups, begin = [], 0
        for end in range(1, len(cards) + 1):
            if end == len(cards) or cards[end] != cards[begin] or share[end] > share[end - 1] + 1e-9:
                if end - begin >= _SMALLEST_GROUP and cards[begin] > 1:
                    groups.append(np.arange(begin, end))
                begin = end
        return groups

    def blocks(self, genes: Genes) -> list[Floats]:
        """Return blocks of features, each ``(n, d)``.

        They are the totals and global choices, their products, the choices of single genes, pairs within a layer, and
        single genes in the context of the whole network.
        """
        active = self.active(genes)
        scale = np.maximum(self.cards - 1, 1)
        ordinal = genes / scale * active
        totals: list[Floats] = []
        single: list[Floats] = []
        pairs: list[Floats] = []
        for gene in self.globals:
            levels = np.arange(1, self.cards[gene])
            totals.extend((genes[:, gene, None] == levels).T.astype(float))
        # Values between the ends need not lie on a line: an indicator of each.
        for group in self.groups:
            levels = np.arange(1, self.cards[group[0]] - 1)
            inner = [(genes[:, group] == level) * active[:, group] for level in levels]
            totals.append(ordinal[:, group].sum(axis=1) / len(group))
            totals.extend(part.sum(axis=1) / len(group) for part in inner)
            totals.append(active[:, group].sum(axis=1) / len(group))
            single.extend(ordinal[:, group].T)
            for part in inner:
                single.extend(part.T.astype(float))
        for i, a in enumerate(self.groups):
            for b in self.groups[i + 1 :]:
                if len(a) == len(b):
                    product = ordinal[:, a] * ordinal[:, b]
                    totals.append(product.sum(axis=1) / len(a))
                    pairs.extend(product.T)
        t = np.stack(totals, axis=1) if totals else np.zeros((len(genes), 0))
        upper = np.triu_indices(t.shape[1])
        whole = [t, t[:, upper[0]] * t[:, upper[1]]]
        whole += [np.stack(part, axis=1) for part in (single, pairs) if part]
        if self.groups:
            # What a layer's choice is worth depends on the whole: on each global gene, and on how large the rest is.
            each = ordinal[:, np.concatenate(self.groups)]
            context = [*ordinal[:, self.globals].T, each.mean(axis=1)]
            whole.append(np.concatenate([each * value[:, None] for value in context], axis=1))
        return whole

    def features(self, genes: Genes) -> Floats:
        """Return ``(n, d)`` numbers of each row."""
        blocks = self.blocks(genes)
        return np.concatenate([blocks[0], *blocks[2:-1]], axis=1)
