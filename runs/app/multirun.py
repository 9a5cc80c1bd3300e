"""``nasweave VERB -m``: every combination of values is a job, which one of Hydra's launchers starts.

Hydra instantiates its launcher and configures its logging from what was composed, so that is checked first: from a
user's folder of options, only the settings of an installed launcher may differ from ours.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from runs.app.arguments import Override
from runs.app.compose import compose_words
from runs.app.config import from_hydra
from runs.app.schema.keys import swept
from search_space.errors import ConfigError, NasweaveError, reason_of

__all__ = ["launch"]

_OURS = ("callbacks", "sweeper", "job_logging", "hydra_logging", "output_subdir", "sweep", "help", "hydra_help", "env")
# What differs between jobs without making another run.
_SAME_RUN = {
    "name", "task", "key", "accelerator", "finalists", "sensitivity", "search.n_trials", "export.formats",
    "export.measure", "outputs", "store", "data_root", "profile.path", "fork",
}  # fmt: skip


def launch(verb: str, overrides: Sequence[Override], *, words: Sequence[str]) -> list[NasweaveError]:
    """Run every combination, and return what users can mend in those that failed.

    Parameters
    ----------
    verb
        Its name.
    overrides
        What the user typed.
    words
        The same in Hydra's grammar.

    Raises
    ------
    ConfigError
        A combination cannot be composed, or would make Hydra call something else than an installed launcher.
    """
    for job in _jobs(words):
        composed = compose_words(job)
        _check(composed)
        from_hydra(composed)
    varied = {_key(word) for word in words if _is_sweep(word)}
    fixed = tuple(o for o in overrides if not swept(o))
    failures: list[NasweaveError] = []
    here = os.getpid()

    def job_of(composed: DictConfig) -> None:
        from runs.app.execute import execute

        given = [Override(key=_key(w), value=_value(w)) for w in HydraConfig.get().overrides.task if _key(w) in varied]
        own = {o.key: o.value or "" for o in sorted(given, key=lambda o: o.key) if o.key not in _SAME_RUN}
        try:
            execute(verb, composed, overrides=(*fixed, *given), swept=own)
        except NasweaveError as error:
            if os.getpid() != here:  # a launcher's process: the launcher brings the error back
                raise
            failures.append(error)  # Hydra would print a traceback of its own; the other jobs go on

    before = sys.argv
    sys.argv = [f"nasweave {verb}", "--multirun", *words]
    try:
        hydra.main(version_base="1.3", config_path="pkg://hydra_conf", config_name="config")(job_of)()
    finally:
        sys.argv = before
    return failures


def _jobs(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the words of every combination."""
    parser = OverridesParser.create()
    choices = []
    for word in words:
        try:
            override = parser.parse_override(word)
        except HydraException as error:
            raise ConfigError(
                _key(word), expected="values that can be read", got=reason_of(error), remedy="correct the override"
            ) from error
        if not override.is_sweep_override():
            choices.append([word])
        elif override.is_discrete_sweep():
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            raise ConfigError(_key(word), expected="single values", got="an interval", remedy="list the values")
    return list(itertools.product(*choices))


def _is_sweep(word: str) -> bool:
    return bool(OverridesParser.create().parse_override(word).is_sweep_override())


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


def _value(word: str) -> str:
    value = OverridesParser.create().parse_override(word).value()
    return value if isinstance(value, str) else word.partition("=")[2]


def _check(composed: DictConfig) -> None:
    """Raise ``ConfigError`` where Hydra would call what is neither ours nor an installed launcher."""
    ours, theirs = compose_words([]).hydra, composed.hydra
    for name in _OURS:
        if name in ours and name != "sweep" and _plain(ours[name]) != _plain(theirs[name]):
            raise _foreign(f"hydra.{name}")
    launcher = _plain(theirs.launcher)
    assert isinstance(launcher, dict)
    if launcher.pop("_target_", None) not in _installed_launchers() or "_target_" in str(launcher):
        raise _foreign("hydra.launcher")
    if _plain(theirs.job.env_set):
        raise _foreign("hydra.job.env_set")


def _plain(node: object) -> object:
    return OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node


def _installed_launchers() -> set[str]:
    found = {f"{kind.__module__}.{kind.__qualname__}" for kind in Plugins.instance().discover(Launcher)}
    group = ConfigStore.instance().list("hydra/launcher")
    nodes = (ConfigStore.instance().load(f"hydra/launcher/{name}").node for name in group)
    return found | {str(OmegaConf.select(node, "_target_")) for node in nodes}


def _foreign(key: str) -> ConfigError:
    return ConfigError(
        key,
        expected="the settings that nasweave has, or those of an installed launcher",
        got="others",
        remedy="take them out of the options in --config-dir",
    )
