"""The vectors that an encoder of sentences gives to texts, pooled as its own files say; without them, the mean.

Paper: Reimers and Gurevych 2019, Sentence-BERT.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from hardware_profiles.duration import duration_text
from search_space import TaskShape, space_from_mapping
from search_space.errors import CheckpointError
from search_space.precision import FLOAT
from supernet.catalogue import catalogue
from supernet.model import Supernet
from supernet.pretrained import Pretrained, SentenceFiles

__all__ = ["SentenceEncoder"]

_HEADS = ("mean_pooling", "cls_pooling")
_BATCH = 64
_LONG_S = 20.0  # from here on it is said how long it takes
logger = logging.getLogger("nasweave.supernet")


class SentenceEncoder:
    """A checkpoint in float, from ids to vectors.

    Parameters
    ----------
    pretrained
        The checkpoint, with the rows of its embedding that the ids stand for.

    Attributes
    ----------
    longest
        The most ids of a text that it looks at.
    width, depth
        Numbers of a vector; layers.

    Raises
    ------
    CheckpointError
        It is no encoder of texts, or does more than pool and normalise what its layers give.
    """

    def __init__(self, pretrained: Pretrained) -> None:
        self.pretrained, form, folder = pretrained, pretrained.form, pretrained.folder
        files = SentenceFiles(folder)
        self._head = files.pooling or _HEADS[0]
        if self._head not in form.heads or form.max_tokens is None:
            raise CheckpointError(
                str(folder),
                expected="an encoder of texts, whose tokens see each other",
                got=f"a network whose last layer is read by {', '.join(form.heads)}",
                remedy="choose another checkpoint",
            )
        files.check_modules()
        self.longest = min(form.max_tokens, files.longest or form.max_tokens)
        self.width, self.depth = form.embed_dim, form.depth

    @property
    def name(self) -> str:
        """Digits of the checkpoint's files, and how its last layer is pooled, which decide all vectors."""
        return f"{self.pretrained.hash}-{self._head}"

    @cached_property
    def _supernet(self) -> Supernet:
        form, rows = self.pretrained.form, self.pretrained.token_rows
        task = TaskShape(
            input_shape=(self.longest,),
            num_outputs=form.embed_dim,
            seq_len=self.longest,
            vocab_size=form.vocab_size if rows is None else len(rows),
            padded=True,
            stem="tokens",
            head="pooled",
        )
        declaration = {
            "name": "checkpoint",
            "stem": form.stem,
            "head": self._head,
            "norm": asdict(form.norm),
            "embed_dim": [form.embed_dim],
            "depth": [form.depth],
            "head_dim": form.head_dim,
            "mixer": [form.mixer],
            "num_heads": [form.num_heads],
            "channel_mixer": [form.channel_mixer],
            "ratio": [form.hidden_dim / form.embed_dim],
            "precision": [FLOAT],
            "options": {block: dict(own) for block, own in form.options.items()},
        }
        space = space_from_mapping(declaration, task=task, catalogue=catalogue())
        supernet = Supernet(space, generator=torch.Generator().manual_seed(0)).eval()
        self.pretrained.initialise(supernet)
        return supernet

    def __call__(self, rows: Sequence[Sequence[int]], *, layers: int | None = None) -> Tensor:
        """Return the vectors of texts, ``(n, D)``, of length one.

        Parameters
        ----------
        rows
            The ids of each text, at most :attr:`longest`.
        layers
            Run the first ones alone; all when ``None``.
        """
        whole = self._supernet.space.largest
        architecture = replace(whole, layers=whole.layers[:layers])
        vectors = torch.empty(len(rows), self.width)
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))  # equally long ones together
        began, told = time.monotonic(), False
        for start in range(0, len(rows), _BATCH):
            places = order[start : start + _BATCH]
            ids = pad_sequence([torch.tensor(rows[i], dtype=torch.int64) for i in places], batch_first=True)
            with torch.inference_mode():
                vectors[places] = torch.nn.functional.normalize(self._supernet(ids, architecture), dim=-1)
            done = start + len(places)
            rest = (time.monotonic() - began) / done * (len(rows) - done)
            if not told and rest > _LONG_S and time.monotonic() - began > 1:
                told = True
                logger.warning(
                    "the checkpoint's vectors of %s texts take about %s more at most; they are kept",
                    f"{len(rows):,}",
                    duration_text(rest),
                )
        return vectors

    def params(self, layers: int) -> int:
        """Return how many weights its first layers, its embedding and positions have."""
        body = self._supernet.body
        parts = [
            body.stem,
            *(blocks[str(i)] for blocks in (body.mixer_blocks, body.channel_blocks) for i in range(layers)),
        ]
        return sum(parameter.numel() for part in parts for parameter in part.parameters())
