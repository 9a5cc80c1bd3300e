"""The model card in the Hugging Face format: measured values, devices, versions, how the network was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from search_space import Architecture

__all__ = ["CardData", "model_card"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CardData:
    """What a model card says; ``measured`` maps a label to a text with its unit, ``parity`` is that of parity.json."""

    architecture: Architecture
    task: str
    metric: str
    input_shape: tuple[int, ...]
    measured: Mapping[str, str]
    environment: Mapping[str, str]
    parity: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, int]
    command: str


def model_card(data: CardData) -> str:
    """Return the Markdown text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("runs.export"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("card.md.j2").render(card=data)
