"""Starting a supernet from a checkpoint of Hugging Face: one family a file, found by its file name.

The checkpoint becomes the supernet's largest network, with equal outputs; its heads, hidden channels and features are
put in falling order of importance first, for subnets use the first of each. The library ``transformers`` is not needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from search_space import SearchSpace
from search_space.errors import CheckpointError
from search_space.registry import Registry
from supernet.catalogue import HEADS, STEMS
from supernet.model import Supernet
from supernet.pretrained._activations import scores_of
from supernet.pretrained._around import declaration_around
from supernet.pretrained._classes import class_names, in_order
from supernet.pretrained._family import Family, Form, Weights
from supernet.pretrained._fit import check_space, copy_weights
from supernet.pretrained._importance import by_importance
from supernet.pretrained._source import SentenceFiles, content_hash, read_settings, read_tensors

__all__ = ["FAMILIES", "Family", "Form", "Pretrained", "SentenceFiles", "Weights"]

FAMILIES: Registry[Family] = Registry("supernet.pretrained", "FAMILY")


class Pretrained:
    """A checkpoint on disk; nothing is read before it is asked for.

    Parameters
    ----------
    folder
        Holds ``config.json`` and ``model.safetensors``, or the shards and their index.
    token_rows
        For each id of the task, its row in the checkpoint's embedding, -1 for one that it lacks; ``None`` where the
        ids are the same.
    """

    def __init__(self, folder: Path, *, token_rows: Sequence[int] | None = None) -> None:
        self.folder, self.token_rows = folder, token_rows

    def __str__(self) -> str:
        return f"{self.folder.resolve().name}, {self.hash}"

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits of its files; raises ``CheckpointError`` where one is missing."""
        return content_hash(self.folder)

    @property
    def form(self) -> Form:
        """Its network in the words of a space; raises ``CheckpointError`` for one that we do not compute."""
        return self._family_and_form()[1]

    def check(self, space: SearchSpace) -> None:
        """Raise what :meth:`initialise` would, but for damaged weights: only the configuration is read."""
        check_space(space, self.form, token_rows=self.token_rows)

    def declaration(self, *, name: str = "checkpoint", per_token: bool = False) -> dict[str, Any]:
        """Return a space around it, as :func:`search_space.space_from_mapping` takes one; only JSON is read.

        An encoder of sentences is pooled as its ``1_Pooling`` says; ``per_token`` says whether outputs are wanted of
        every token, where it has heads of both kinds.
        """
        form = self.form
        fitting = [head for head in form.heads if HEADS[head].spec.per_token == per_token]
        pooling = SentenceFiles(self.folder).pooling
        head = pooling if pooling in fitting else next(iter(fitting), None)
        return declaration_around(form, name=name, stem=STEMS[form.stem].spec, head=head)

    def initialise(self, supernet: Supernet, *, examples: Tensor | None = None, labels: Sequence[str] = ()) -> None:
        """Copy the weights into a supernet, the most important parts first; what it lacks stays as it is.

        Parameters
        ----------
        supernet
            Whose largest network the checkpoint is.
        examples
            ``(n, *input_shape)``, on which the importance is measured; ``None`` goes by the norms of weights.
        labels
            The names of the task's classes: a last layer of the same classes is sorted as they are.

        Raises
        ------
        CheckpointError
            For a checkpoint that is damaged, or of a network that we do not compute.
        ConfigError
            When it is not the largest network of the supernet's space.
        """
        family, form = self._family_and_form()
        check_space(supernet.space, form, token_rows=self.token_rows)
        weights = family.weights(read_tensors(self.folder), form)
        if labels:
            weights = in_order(weights, class_names(read_settings(self.folder)), labels)
        ordered = by_importance(weights, head_dim=form.head_dim)
        copy_weights(supernet, ordered, form, token_rows=self.token_rows)
        if examples is not None:
            scores = scores_of(supernet, examples, form)
            ordered = by_importance(ordered, head_dim=form.head_dim, scores=scores)
            copy_weights(supernet, ordered, form, token_rows=self.token_rows, told=True)

    def _family_and_form(self) -> tuple[Family, Form]:
        settings = read_settings(self.folder)
        kind = settings.values.get("model_type")
        if not isinstance(kind, str) or kind not in FAMILIES:
            raise _unknown_family(kind, where=settings.where)
        family = FAMILIES[kind]
        return family, family.form(settings)


def _unknown_family(kind: object, *, where: str) -> CheckpointError:
    """Return the refusal of a family that is not read, which names the nearest and what it may differ in."""
    close = get_close_matches(str(kind).lower(), FAMILIES, n=1, cutoff=0.5)
    near = f"; {close[0]} is the nearest, which is {_summary(close[0])}" if close else ""
    return CheckpointError(
        f"{where}: model_type",
        expected=f"one of {', '.join(FAMILIES)}",
        got=f"{kind!r}{near}",
        remedy="choose a checkpoint of one of these architectures",
    )


def _summary(family: str) -> str:
    """Return the first sentence of a family's own file, without its name."""
    text = (sys.modules[FAMILIES[family].form.__module__].__doc__ or "").partition("\n")[0]
    return text.partition(": ")[2].rstrip(".;")
