"""The typed configuration from what Hydra composed. ``DictConfig`` stops here.

A default stands in one place: where a dataclass declares it, no YAML repeats it; the others stand in ``config.yaml``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runs.app.schema.bounds import check_bounds
from runs.app.schema.renamed import current_keys
from runs.app.schema.typed import build, defaults, nearest
from runs.app.time_budget import divided
from runs.pipeline.config import Config
from runs.pipeline.run_folder import run_folder
from runs.store.secrets import redacted, redacted_url
from search_space.errors import ConfigError
from supernet.tasks import TASKS

__all__ = ["as_yaml", "built", "changed", "from_hydra"]


def from_hydra(composed: DictConfig) -> Config:
    """Return the typed form of what Hydra composed.

    Raises
    ------
    ConfigError
        A key is unknown or missing, or a value is illegal; it names the key.
    """
    job = OmegaConf.create({key: value for key, value in composed.items_ex(resolve=False) if key != "hydra"})
    try:
        whole = OmegaConf.merge(OmegaConf.create(defaults(Config)), job)
        data = OmegaConf.to_container(whole, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(
            str(error.full_key or "configuration"),
            expected="a value",
            got="none",
            remedy=str(error.msg or error).splitlines()[0],
        ) from error
    return built(current_keys(cast("Mapping[str, Any]", data)))


def changed(config: Config, values: Mapping[str, object]) -> Config:
    """Return a configuration with other values of known dotted keys, checked as all of it is."""
    data = _plain(config)
    for key, value in values.items():
        *groups, last = key.split(".")
        group = data
        for name in groups:
            group = group[name]
        group[last] = _plain(value)
    return built(data)


def built(data: Mapping[str, Any]) -> Config:
    """Return the typed form of all keys as nested mappings; raises ``ConfigError`` as :func:`from_hydra`."""
    check_bounds(data)
    config = build(Config, data)
    if config.task.name not in TASKS:
        close = nearest(config.task.name, TASKS)
        raise ConfigError(
            "task.name",
            expected=f"one of {', '.join(TASKS)}",
            got=repr(config.task.name),
            remedy="correct it" if close is None else f"write {close}",
        )
    TASKS[config.task.name].complete(config.task.options)
    run_folder(outputs=config.outputs, task=config.task.name, name=config.name)
    return divided(config)


def as_yaml(config: Config) -> str:
    """Return a whole configuration as YAML, without passwords."""
    shown = dataclasses.replace(config, store=redacted_url(config.store))
    return redacted(OmegaConf.to_yaml(OmegaConf.create(_plain(shown))), url=config.store)


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
