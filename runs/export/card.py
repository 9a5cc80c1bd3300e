"""The model card in the Hugging Face format: measured values, devices, versions, how the network was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from search_space import Architecture, TaskShape
from search_space.metric import Metric
from search_space.options import options_text

__all__ = ["CardData", "model_card", "notice"]

_PIPELINES = {
    ("patch", "classes"): "image-classification",
    ("tokens", "classes"): "text-classification",
    ("patch", "labels"): "image-classification",
    ("tokens", "labels"): "text-classification",
    ("columns", "labels"): "tabular-classification",
    ("tokens", "token_labels"): "token-classification",
    ("tokens", "tokens"): "text-generation",
    ("tokens", "vectors"): "sentence-similarity",
    ("series", "numbers"): "time-series-forecasting",
    ("columns", "classes"): "tabular-classification",
    ("columns", "numbers"): "tabular-regression",
}
_OF_TASKS = {"audio_folder": "audio-classification"}  # whose networks see pictures of what is heard


@dataclass(frozen=True, kw_only=True, slots=True)
class CardData:
    """What a model card says.

    Parameters
    ----------
    architecture, shape, task, kind, metric
        The network and its task; ``kind`` is what outputs are, as of :data:`supernet.metrics.Kind`.
    test_value
        The metric on the test split, ``None`` where it was not computed; shares are in percent.
    measured, found, environment
        Labels with their texts: values with units, how the network was found, versions.
    parity, files
        Those of ``parity.json``, and bytes by file name.
    command
        What exports it again.
    found_in
        How it was found, in a few words: ``in a weight-sharing supernet``.
    licence, source
        Of the data, as :class:`supernet.tasks.Task` has them.
    """

    architecture: Architecture
    shape: TaskShape
    task: str
    kind: str
    metric: Metric
    test_value: float | None
    measured: Mapping[str, str]
    found: Mapping[str, str]
    environment: Mapping[str, str]
    parity: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, int]
    command: str
    found_in: str
    licence: str
    source: str

    @property
    def pipeline(self) -> str:
        """What the Hugging Face hub calls the kind of task."""
        return _OF_TASKS.get(self.task) or _PIPELINES.get((self.shape.stem, self.kind), "other")

    @property
    def metric_type(self) -> str:
        """What the hub calls the metric."""
        return self.metric.hub or self.metric.key


def model_card(data: CardData) -> str:
    """Return the Markdown text."""
    return _render("card.md.j2", card=data, options_text=options_text)


def notice(*, task: str, licence: str, source: str, checkpoint: str | None = None) -> str:
    """Return the licence notice of the weights.

    Parameters
    ----------
    task, licence, source
        The data, its licence, and where it comes from.
    checkpoint
        The published weights that they began as, if any.
    """
    return _render("notice.txt.j2", task=task, licence=licence, source=source, checkpoint=checkpoint)


def _render(template: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("runs.export"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)
