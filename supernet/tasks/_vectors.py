"""Vectors of texts that imitate those of a published encoder: trained by the cosine, judged by what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor

from hardware_profiles.onnx.cache import GraphCache, cache_folder
from search_space.errors import ConfigError
from supernet.metrics import METRICS, Kind, Measure
from supernet.sentences import SentenceEncoder
from supernet.tasks._base import TaskData, data_hash

__all__ = ["EmbeddingData", "kept_vectors"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class EmbeddingData(TaskData):
    """Texts and the vectors of an encoder, ``(B, D)``, of length one; outputs may have any length.

    Parameters
    ----------
    checkpoint
        The folder of the encoder.
    """

    kind: ClassVar[Kind] = "vectors"

    measure: Measure = METRICS["recall_at_10"]
    checkpoint: Path

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """One less the cosine with the encoder's vector; raises ``ConfigError`` for label smoothing."""
        if label_smoothing:
            raise ConfigError(
                "training.label_smoothing",
                expected="0, for vectors are no labels",
                got=f"{label_smoothing:g}",
                remedy="set it to 0",
            )
        distance_B = 1 - F.cosine_similarity(outputs, targets, dim=-1)
        return distance_B.mean() if reduction == "mean" else distance_B

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """One less the mean cosine with the teacher's vectors."""
        return self.loss(outputs, teacher_outputs)


def kept_vectors(encoder: SentenceEncoder, rows: Sequence[Sequence[int]]) -> Tensor:
    """Return the vectors of texts, ``(n, D)``, from the user's cache where they were computed before.

    Parameters
    ----------
    encoder
        The encoder.
    rows
        The ids of each text.
    """
    key = f"vectors {encoder.name} {data_hash(rows)} {torch.__version__}"
    folder = cache_folder()
    cache = GraphCache(None if folder is None else folder.with_name("vectors"))
    found = cache.get(key)
    if found is not None:
        return load(found)["vectors"]
    vectors = encoder(rows)
    cache.put(key, save({"vectors": vectors}))
    return vectors
