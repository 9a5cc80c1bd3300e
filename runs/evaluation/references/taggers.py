"""Where every word has a class: the commonest one of the word, and logistic regression on it and its neighbours."""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData, is_balanced

__all__ = ["taggers"]

_WORDS = 20_000  # of training that logistic regression is fitted to, at most
_ITERATIONS = 100
_AROUND = (-2, -1, 0, 1, 2)  # places of the words that it sees
_SMALL = 1e-6  # share of a class that a word never had
_NEVER = float(np.log(np.finfo(np.float32).tiny))
Word = tuple[int, ...]


def taggers(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return both models, which know a word by its pieces; the first alone where the second sees one class."""
    return _commonest(data), *_logistic(data)


def _sentences(data: TaskData, split: Split) -> Iterator[tuple[NDArray[np.int64], list[Word]]]:
    """Yield of each example the places of its words and their pieces."""
    after = next(len(step["after"]) for step in data.preparation if step["do"] == "words")  # ids around a text
    for ids, targets in zip(split.stored.long().numpy(), split.targets.long().numpy(), strict=True):
        places = np.flatnonzero(targets >= 0)
        ends = [*places[1:].tolist(), int((ids != 0).sum()) - after]
        yield places, [tuple(ids[a:b].tolist()) for a, b in zip(places.tolist(), ends, strict=True)]


def _error(data: TaskData, split: Split, scores_of: Callable[[list[Word]], NDArray[np.float64]]) -> float:
    tally, size = data.tally(), data.shape.num_outputs
    for (places, words), targets in zip(_sentences(data, split), split.targets.long(), strict=True):
        outputs = torch.zeros(1, len(targets), size, dtype=torch.float64)
        outputs[0, places] = torch.from_numpy(scores_of(words))
        tally.add(outputs, targets[None])
    return tally.error


def _commonest(data: TaskData) -> SimpleModel:
    """Return what knows how often each word has each class, and of other words how often all have."""
    size = data.shape.num_outputs
    counts: defaultdict[Word, NDArray[np.float64]] = defaultdict(lambda: np.zeros(size))
    begin = time.process_time()
    for (places, words), targets in zip(_sentences(data, data.train), data.train.targets.long().numpy(), strict=True):
        for place, word in zip(places, words, strict=True):
            counts[word][targets[place]] += 1
    overall = np.sum(list(counts.values()), axis=0)
    weights = 1 / np.maximum(overall, 1) if is_balanced(data) else np.ones(size)
    table = {word: _log_shares(found * weights) for word, found in counts.items()}
    unknown = _log_shares(overall * weights)
    seconds = time.process_time() - begin
    return _model(
        data,
        "commonest label of the word",
        lambda words: np.stack([table.get(word, unknown) for word in words]),
        params=len(table) + size,
        seconds=seconds,
        examples=len(data.train),
    )


def _log_shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.log(counts / counts.sum() + _SMALL)
    return shares


def _logistic(data: TaskData) -> Iterator[SimpleModel]:
    sentences = list(_sentences(data, data.train))
    known = [words for _, words in sentences]
    columns: dict[tuple[int, Word], int] = {}
    targets = [t[places] for (places, _), t in zip(sentences, data.train.targets.long().numpy(), strict=True)]
    step = max(1, -(-sum(map(len, known)) // _WORDS))  # whole sentences, spread evenly over the split
    chosen = range(0, len(known), step)
    right = np.concatenate([targets[i] for i in chosen])
    if len(np.unique(right)) < 2:  # as where texts are cut before the words of others
        return
    for i in chosen:
        for feature in (f for features in _features(known[i]) for f in features):
            columns.setdefault(feature, len(columns))
    weights = "balanced" if is_balanced(data) else None
    model = LogisticRegression(max_iter=_ITERATIONS, tol=1e-3, C=10.0, class_weight=weights)
    inputs = _matrix([features for i in chosen for features in _features(known[i])], columns)
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are limited on purpose
        model.fit(inputs, right)
    seconds = time.process_time() - begin

    def scores_of(words: list[Word]) -> NDArray[np.float64]:
        scores = np.full((len(words), data.shape.num_outputs), _NEVER)
        with np.errstate(divide="ignore"):
            scores[:, model.classes_] = np.log(model.predict_proba(_matrix(list(_features(words)), columns)))
        return scores.clip(_NEVER)

    params = model.coef_.size + model.intercept_.size
    name = "logistic regression on words and neighbours"
    yield _model(data, name, scores_of, params=params, seconds=seconds, examples=len(chosen))


def _features(words: list[Word]) -> Iterator[list[tuple[int, Word]]]:
    """Yield of each word what it and its neighbours are, and its first and last piece; nothing beyond an end."""
    for i, word in enumerate(words):
        around = [(d, words[i + d]) for d in _AROUND if 0 <= i + d < len(words)]
        yield [*around, (10, word[:1]), (11, word[-1:]), (12, (i == 0,))]


def _matrix(rows: list[list[tuple[int, Word]]], columns: Mapping[tuple[int, Word], int]) -> csr_matrix:
    found = [(n, columns[f]) for n, features in enumerate(rows) for f in features if f in columns]
    at = np.array(found, dtype=np.int64).reshape(-1, 2)
    return csr_matrix((np.ones(len(at)), (at[:, 0], at[:, 1])), shape=(len(rows), len(columns)))


def _model(
    data: TaskData, name: str, scores_of: Callable[[list[Word]], NDArray[np.float64]], **fields: Any
) -> SimpleModel:
    return SimpleModel(
        name=f"{name}, classes balanced" if is_balanced(data) else name,
        validation_error=_error(data, data.validation, scores_of),
        test_error=_error(data, data.test, scores_of),
        **fields,
    )
