"""Registering a data set: it is read as a run reads it, so that what is wrong is said now, in the same line."""

from __future__ import annotations

from pathlib import Path

from runs.app.compose import compose
from runs.pipeline.context import task_data
from runs.service.document.names import NAME, is_name
from runs.service.document.options import OWN_DATA_TASKS
from runs.service.settings import DatasetSettings
from runs.store.database import Database
from runs.store.service.datasets import Datasets
from search_space.errors import ConfigError

__all__ = ["register"]


def register(settings: DatasetSettings) -> str:
    """Register or forget a data set, and return a line about it; raises ``NasweaveError`` for one that no run reads."""
    if not is_name(settings.name):
        raise ConfigError("name", expected=f"a name, {NAME}", got=repr(settings.name[:80]), remedy="choose another")
    with Database.open(settings.url) as database:
        datasets = Datasets(database)
        if settings.remove:
            if not datasets.remove(settings.name):
                known = ", ".join(data.name for data in datasets.list()) or "there is none"
                raise ConfigError("name", expected=f"one of {known}", got=repr(settings.name), remedy="correct it")
            return f"{settings.name} is forgotten; its files stay"
        if settings.task not in OWN_DATA_TASKS:
            expected = f"one of {', '.join(OWN_DATA_TASKS)}"
            raise ConfigError("task", expected=expected, got=repr(settings.task), remedy="correct it")
        options: dict[str, object] = {"path": str(Path(settings.path).expanduser().resolve())}
        for word in filter(None, settings.options.split(";")):
            name, equals, value = word.partition("=")
            if not equals or not name.strip().isidentifier():
                raise ConfigError("options", expected="key=value;key=value", got=repr(word), remedy="correct it")
            options[name.strip()] = value.strip()
        config = compose(
            task=settings.task, overrides=[f"task.options.{name}={value}" for name, value in options.items()]
        )
        data = task_data(config)
        datasets.register(settings.name, task=settings.task, options=config.task.options)
        return f"{settings.name}: {settings.task}, {data.data_hash[:12]}"
