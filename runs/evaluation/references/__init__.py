"""Honest references: what simple models reach in seconds on the task's own split, without a search.

They are judged by the task's metric, and where training weighs rare classes more, so do they. Each kind of answers has
a file.
"""

from __future__ import annotations

import torch

from runs.evaluation.references.classifiers import classifiers
from runs.evaluation.references.each_label import each_label
from runs.evaluation.references.embeddings import embeddings
from runs.evaluation.references.forecasts import forecasts
from runs.evaluation.references.regressions import regressions
from runs.evaluation.references.taggers import taggers
from runs.evaluation.references.trigrams import trigrams
from runs.reports import SimpleModel
from supernet.tasks import EmbeddingData, TaskData

__all__ = ["simple_models"]


def simple_models(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return the simple models of a task, fitted now; the same data gives the same errors."""
    if data.kind == "tokens":
        return (trigrams(data),)
    if data.kind == "token_labels":
        return taggers(data)
    if isinstance(data, EmbeddingData):
        return embeddings(data)
    if data.kind == "labels":
        return each_label(data)
    if data.kind == "numbers":
        return forecasts(data) if data.train.targets.dim() > 2 else regressions(data)
    if len(torch.unique(data.train.targets)) < 2:
        return ()  # nothing to tell apart
    return classifiers(data)
