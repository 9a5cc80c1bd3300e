"""What vectors can be had without training a network: the checkpoint's first layers, and TF-IDF of pieces with an SVD.

Papers: Sajjad et al. 2023, arXiv:2004.03844 (the first layers of BERT); Deerwester et al. 1990 (latent semantics).
"""

from __future__ import annotations

import time

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from torch import Tensor

from runs.reports import SimpleModel
from supernet.pretrained import Pretrained
from supernet.sentences import SentenceEncoder
from supernet.tasks import EmbeddingData, Split

__all__ = ["embeddings"]

_DIMENSIONS = 256  # of the decomposition, at most
_SHARES = (1 / 3, 1 / 2)  # of the layers


def embeddings(data: EmbeddingData) -> tuple[SimpleModel, ...]:
    """Return the reference models of a task of vectors; they see what networks see of a text."""
    encoder = SentenceEncoder(Pretrained(data.checkpoint, token_rows=data.token_rows))
    depths = sorted({max(1, round(share * encoder.depth)) for share in _SHARES} - {encoder.depth})
    return *(_first_layers(data, encoder, depth) for depth in depths), _decomposed(data)


def _first_layers(data: EmbeddingData, encoder: SentenceEncoder, depth: int) -> SimpleModel:
    def vectors(split: Split) -> Tensor:
        return encoder([row[row != 0].tolist() for row in split.stored], layers=depth)

    begin = time.process_time()
    errors = [data.error(vectors(split), split.targets) for split in (data.validation, data.test)]
    return SimpleModel(
        name=f"first {depth} of {encoder.depth} layers of the checkpoint",
        validation_error=errors[0],
        test_error=errors[1],
        params=encoder.params(depth),
        seconds=time.process_time() - begin,
        examples=0,
    )


def _decomposed(data: EmbeddingData) -> SimpleModel:
    begin = time.process_time()
    counts = _counts(data, data.train)
    weights, size = TfidfTransformer(sublinear_tf=True).fit(counts), min(_DIMENSIONS, min(counts.shape) - 1)
    decomposition = TruncatedSVD(size, random_state=0).fit(weights.transform(counts))
    seconds = time.process_time() - begin

    def vectors(split: Split) -> Tensor:
        found = decomposition.transform(weights.transform(_counts(data, split)))
        return torch.from_numpy(found.astype(np.float32))

    return SimpleModel(
        name=f"TF-IDF of pieces, SVD to {size}",
        validation_error=data.error(vectors(data.validation), data.validation.targets),
        test_error=data.error(vectors(data.test), data.test.targets),
        params=decomposition.components_.size + counts.shape[1],
        seconds=seconds,
        examples=len(data.train),
    )


def _counts(data: EmbeddingData, split: Split) -> csr_matrix:
    """Return how often each text has each id, ``(n, V)``, padding left out."""
    ids = split.stored.long().numpy()
    rows, places = np.nonzero(ids)
    found = csr_matrix((np.ones(len(rows)), (rows, ids[rows, places])), shape=(len(ids), data.shape.vocab_size))
    found.sum_duplicates()
    return found
