"""``python -m runs.app.jobs.checking``: answers, a line for each line, what needs all blocks and no run.

A server, which imports no torch, keeps this process at hand. It ends when nobody has asked for a while, or when its
standard input does.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runs.app.compose import compose_words, hydra_words
from runs.app.config import from_hydra
from runs.app.jobs.configuration import overrides
from runs.app.jobs.devices import imported, predicted
from runs.pipeline.ahead.foreseen import Foreseen, foresee
from runs.pipeline.context import Command, Context, open_context
from runs.reporter import Reporter, SilentReporter
from runs.service.document import problem
from runs.service.document.model import RunDocument
from runs.service.document.words import document_key
from runs.store.service.records import Dataset
from search_space import Architecture
from search_space.errors import NasweaveError, RuntimeUnavailableError

__all__ = ["answered", "opened", "refused"]

_IDLE_S = 300.0
_NICER = 5  # than what measures beside it


class _Noting(SilentReporter):
    """Keeps messages and warnings."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def message(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.notes.append(text)


def answered(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"checked": ...}`` or ``{"done": ...}``, or ``{"refused": ...}``, the four parts of an error.

    Parameters
    ----------
    asked
        ``document``; ``dataset``, the record of the one that it names, or ``None``; ``outputs`` and ``data_root``. With
        ``results``, the text of a bundle's measurements, they are made a profile, whose id is returned; with
        ``networks``, their latencies are.
    """
    try:
        reporter = _Noting()
        context = opened(asked, reporter=reporter)
        if "results" in asked:
            return {"done": imported(context, asked["results"])}
        if "networks" in asked:
            return {"done": predicted(context, asked["networks"])}
        return {"checked": _checked(context, reporter.notes)}
    except RuntimeUnavailableError as error:
        remedy = "only a runner that has it can check this: begin the run"
        return {"refused": {**refused(error, asked), "remedy": remedy}}
    except NasweaveError as error:
        return {"refused": refused(error, asked)}


def refused(error: NasweaveError, asked: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of an error as a user is told them: data and folders have their names, not their places."""
    parts, data = problem.of_error(error), asked["dataset"]
    places = {asked["outputs"]: "outputs", asked["data_root"]: "data_root"}
    places |= {} if data is None else {str(data["options"].get("path", "")): data["name"]}
    for place in sorted(places, key=len, reverse=True):  # a data set may lie in one of the folders
        if len(Path(place).parts) > 1:
            parts = {name: text.replace(place, places[place]) for name, text in parts.items()}
    return {**parts, "parameter": document_key(parts["parameter"])}


def opened(asked: Mapping[str, Any], *, reporter: Reporter) -> Context:
    """Return the context of a run that the document would begin; the reporter is told what the run would warn of."""
    document = RunDocument.model_validate(asked["document"])
    dataset = None if asked["dataset"] is None else Dataset(**asked["dataset"])
    words = overrides(
        document,
        name="check",
        outputs=asked["outputs"],
        data_root=asked["data_root"],
        dataset=dataset,
        fork=document.fork,
    )
    config = from_hydra(compose_words(hydra_words(words, config_dir=None)))
    command = Command(overrides=tuple(f"{word.key}={word.value}" for word in words))
    return open_context(config, command=command, reporter=reporter)


def _checked(context: Context, notes: list[str]) -> dict[str, Any]:
    found = foresee(context)
    networks = {"smallest": context.space.smallest, "middle": context.space.middle, "largest": context.space.largest}
    return {
        "networks_log10": context.space.log10_size,
        "corners": [_corner(name, network, found) for name, network in networks.items()],
        "budget": context.budget.limits,
        "unmet": None if found.unmet is None else problem.of_error(found.unmet),
        "profile": None if found.profile is None else f"{found.profile.device.name}, {found.profile.setting}",
        "notes": notes,
    }


def _corner(name: str, network: Architecture, found: Foreseen) -> dict[str, Any]:
    sizes = {"embed_dim": network.embed_dim, "depth": len(network.layers)}
    return {"name": name, **sizes, "values": found.corners[name]}


def main() -> None:
    """Answer until nobody asks any more."""
    os.nice(_NICER)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    while select.select([sys.stdin], [], [], _IDLE_S)[0] and (line := sys.stdin.readline()):
        print(json.dumps(answered(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
