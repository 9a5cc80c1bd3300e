"""From a document to the overrides that say the same, each made here: nothing in it is read as an override."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardware_profiles.devices import locate
from runs.app.arguments import Override
from runs.app.compose import overrides_of
from runs.service.document.model import RunDocument
from runs.store.service.records import Dataset

__all__ = ["overrides"]


def overrides(
    document: RunDocument,
    *,
    name: str,
    outputs: str,
    data_root: str,
    dataset: Dataset | None = None,
    fork: str | None = None,
    export: Mapping[str, Any] | None = None,
) -> list[Override]:
    """Return the overrides of a run.

    Parameters
    ----------
    document
        What was asked for.
    name
        Of the run's folder.
    outputs, data_root
        Folders, as this machine's runner is set.
    dataset, fork
        What the document names: a registered data set, the name of a run's folder.
    export
        Key, formats and measure of an export that was asked for later.
    """
    values: dict[str, object] = {"task": document.task if dataset is None else dataset.task}
    values["hardware"] = document.device.runtime
    values["search"] = document.search.method
    if document.space is not None:
        values["space"] = document.space
    values |= {"outputs": str(Path(outputs)), "data_root": data_root, "name": name}
    if dataset is not None:
        values |= {f"task.options.{option}": value for option, value in dataset.options.items()}
    profile = document.device.profile
    chosen: dict[str, object] = {
        "profile.path": None if profile is None else str(locate(profile, folder=Path(outputs) / "profiles")),
        "hardware.threads": document.device.threads,
        "hardware.batch_size": document.device.batch_size,
        "time_budget": document.time_budget,
        "search.n_trials": document.search.trials,
        "search.fidelities.time_budget": document.search.time_budget,
        "search.seed": document.search.seed,
        "search.objectives": document.search.objectives,
        "training.steps": document.training.steps,
        "training.batch_size": document.training.batch_size,
        "profile.time_budget": document.profile.time_budget,
        "profile.networks": document.profile.networks,
        "baselines.random": document.baselines.random,
        "baselines.uniform": document.baselines.uniform,
        "finalists": document.finalists,
        "export.formats": document.export.formats,
        "export.measure": document.export.measure,
        "accelerator": document.accelerator,
        "fork": fork,
        **{f"budget.{limit}": value for limit, value in document.budget.model_dump().items()},
        **{f"space.{choice}": value for choice, value in document.choices.model_dump().items()},
    }
    if export is not None:
        chosen |= {"key": export["key"], "export.formats": export["formats"], "export.measure": export["measure"]}
    return overrides_of({**values, **{key: value for key, value in chosen.items() if value is not None}})
