"""Interpolated trigrams, bigrams and unigrams: the plain model of a task that predicts every token."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData

__all__ = ["Trigrams", "trigrams"]

_SHARE = 0.6  # of the trigram, where its first two tokens were seen
_BIGRAM = 0.8  # of the rest; the unigram has what is left
_TOKENS = 20_000_000  # that are counted, at most


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trigrams:
    """Counts of a text.

    Parameters
    ----------
    unigram, bigram
        ``(V,)`` and ``(V, V)``, never zero.
    triples, triple_counts, pairs, pair_counts
        The sequences that were seen, as numbers to the base of the vocabulary, sorted, and how often.
    """

    unigram: NDArray[np.float64]
    bigram: NDArray[np.float64]
    triples: NDArray[np.int64]
    triple_counts: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pair_counts: NDArray[np.int64]

    @classmethod
    def fit(cls, split: Split, *, size: int) -> Trigrams:
        """Return the counts of a split."""
        context, target = _tokens(split)
        bigram = np.bincount(context[:, 1] * size + target, minlength=size * size).reshape(size, size)
        triples, triple_counts = np.unique((context[:, 0] * size + context[:, 1]) * size + target, return_counts=True)
        pairs, pair_counts = np.unique(context[:, 0] * size + context[:, 1], return_counts=True)
        return cls(
            unigram=np.bincount(target, minlength=size).astype(np.float64) + 1.0,
            bigram=bigram.astype(np.float64) + 1e-9,
            triples=triples,
            triple_counts=triple_counts,
            pairs=pairs,
            pair_counts=pair_counts,
        )

    @property
    def params(self) -> int:
        """The counts that are kept."""
        return len(self.unigram) + int((self.bigram > 0.5).sum()) + len(self.triples)

    def bits(self, split: Split) -> float:
        """Return the bits of a token of a split, given the two before it in its window."""
        size = len(self.unigram)
        context, target = _tokens(split)
        unigram = self.unigram[target] / self.unigram.sum()
        rows = self.bigram.sum(axis=1)
        bigram = self.bigram[context[:, 1], target] / rows[context[:, 1]]
        pair = context[:, 0] * size + context[:, 1]
        above = _looked_up(self.triples, self.triple_counts, pair * size + target)
        below = _looked_up(self.pairs, self.pair_counts, pair)
        rest = _BIGRAM * bigram + (1 - _BIGRAM) * unigram
        mixed = np.where(below > 0, _SHARE * above / np.maximum(below, 1) + (1 - _SHARE) * rest, rest)
        return float(-np.log2(mixed).mean())


def _tokens(split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the two tokens before each token ``(n, 2)``, and it ``(n,)``, of windows that do not overlap."""
    length = split.stored.shape[1]
    step = length if split.stored.stride(0) < length else 1
    ids = split.stored[::step][: max(1, _TOKENS // length)].long().numpy()
    windows = np.lib.stride_tricks.sliding_window_view(ids, 3, axis=1).reshape(-1, 3)
    return windows[:, :2], windows[:, 2]


def _looked_up(names: NDArray[np.int64], counts: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    place = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return np.where(names[place] == wanted, counts[place], 0)


def trigrams(data: TaskData) -> SimpleModel:
    """Return the model of a task that predicts every token."""
    begin = time.process_time()
    model = Trigrams.fit(data.train, size=data.shape.vocab_size)
    return SimpleModel(
        name="interpolated trigrams",
        validation_error=model.bits(data.validation),
        test_error=model.bits(data.test),
        params=model.params,
        seconds=time.process_time() - begin,
        examples=len(data.train),
    )
