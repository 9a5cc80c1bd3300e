"""Composition of the configuration: by Hydra, but without its application, its working folder or its global state.

Composing reads YAML and instantiates nothing. A user's own Hydra application may call it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.version import VersionBase
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from runs.app.arguments import Override, parse_arguments
from runs.app.config import from_hydra
from runs.app.groups import groups
from runs.app.schema.keys import hydra_word, no_option, value_text
from runs.app.schema.literals import literal
from runs.app.verb import Verb
from runs.checks import check_value
from runs.pipeline.config import Config
from search_space.errors import ConfigError, reason_of

__all__ = ["completed", "compose", "compose_words", "hydra_words", "overrides_of", "refusal"]

_STATE = (GlobalHydra, HydraConfig, JobRuntime, VersionBase)
_one_at_a_time = threading.RLock()


def compose(
    *,
    task: str | None = None,
    overrides: Sequence[str] | Mapping[str, object] = (),
    config_dir: str | Path | None = None,
) -> Config:
    """Return a configuration, as the command line would with these overrides.

    Parameters
    ----------
    task
        Option of the group ``task``.
    overrides
        Texts such as ``"search.n_trials=100"``, or dotted keys with their values.
    config_dir
        A folder with options of your own, such as ``space/mine.yaml``.

    Raises
    ------
    ConfigError
        A key is unknown, or a value illegal.
    """
    folder = None if config_dir is None else str(config_dir)
    if isinstance(overrides, Mapping):
        typed = overrides_of(overrides, config_dir=folder)
    else:
        typed = list(parse_arguments(overrides, verb="compose", own=()).overrides)
    if task is not None:
        typed.insert(0, Override(key="task", value=task))
    return from_hydra(compose_words(hydra_words(typed, config_dir=folder)))


def overrides_of(values: Mapping[str, object], *, config_dir: str | None = None) -> list[Override]:
    """Return dotted keys, or groups, with values of Python as overrides."""
    known = groups(config_dir)
    for key in values:
        check_value("overrides", key, "keys of the configuration as text", isinstance(key, str))
    return [
        Override(key=key, value=str(value) if key in known else value_text(key, value)) for key, value in values.items()
    ]


def completed(overrides: Sequence[Override], *, verb: Verb) -> tuple[Override, ...]:
    """Return overrides after those that a verb sets where the user does not."""
    given = {override.key: override.value for override in overrides}
    return (*(own for own in overrides_of(verb.defaults(given)) if own.key not in given), *overrides)


def hydra_words(overrides: Sequence[Override], *, config_dir: str | None, multirun: bool = False) -> list[str]:
    """Return overrides as Hydra reads them; raises ``ConfigError`` for an unknown key or folder."""
    words = []
    if config_dir is not None:
        folder = Path(os.path.expanduser(config_dir))
        if not folder.is_dir():
            raise ConfigError("--config-dir", expected="a folder", got=repr(config_dir), remedy="correct the path")
        words.append(f"hydra.searchpath={literal([f'file://{folder.absolute()}'])}")
    known = groups(config_dir)
    return [*words, *(hydra_word(override, multirun=multirun, groups=known) for override in overrides)]


def compose_words(words: Sequence[str]) -> DictConfig:
    """Return what Hydra composes from overrides in its own grammar, with the node ``hydra``.

    Raises
    ------
    ConfigError
        Hydra or OmegaConf refuses them.
    """
    with _hydra_of_our_own(), hydra.initialize_config_module("hydra_conf", job_name="nasweave", version_base="1.3"):
        try:
            return hydra.compose("config", overrides=list(words), return_hydra_config=True)
        except MissingConfigException as error:
            raise _no_option(error) from error
        except (HydraException, OmegaConfBaseException, ValueError, yaml.YAMLError) as error:
            raise refusal(error) from error


@contextmanager
def _hydra_of_our_own() -> Iterator[None]:
    """Set Hydra's global state aside, and put it back."""
    with _one_at_a_time:
        ConfigStore.instance()
        instances: dict[Any, Any] = Singleton._instances
        aside = {kind: instances.pop(kind) for kind in _STATE if kind in instances}
        try:
            yield
        finally:
            for kind in _STATE:
                instances.pop(kind, None)
            instances.update(aside)


def _no_option(error: MissingConfigException) -> ConfigError:
    group, _, option = str(error.missing_cfg_file or "configuration").rpartition("/")
    options = [str(known) for known in error.options or ()]
    if not group or not options:
        return refusal(error)
    return no_option(group, option, options)


def refusal(error: Exception) -> ConfigError:
    """Return what Hydra or OmegaConf refused, as a mistake of the user."""
    cause = error.__cause__ if isinstance(error, ConfigCompositionException) and error.__cause__ else error
    key = getattr(cause, "full_key", None) or "configuration"
    return ConfigError(
        str(key),
        expected="overrides that can be composed",
        got=reason_of(error),
        remedy="correct the override; nasweave VERB --help shows the keys",
    )
