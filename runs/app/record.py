"""What a run was asked for, in its folder, where Hydra's own tools look for it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hardware_profiles.atomic import write_atomically
from runs.app.arguments import Override
from runs.app.compose import overrides_of
from runs.app.config import as_yaml, changed, from_hydra
from runs.pipeline.config import Config
from runs.service.settings import STORE_VARIABLE
from runs.store import AnotherRunError
from runs.store.secrets import has_secret, redacted, redacted_url
from search_space.errors import ConfigError, NasweaveError, reason_of

__all__ = ["Asked", "is_recorded", "recorded", "redacted_words", "write_record"]

_FOLDER, _CONFIG, _WORDS = ".hydra", "config.yaml", "overrides.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a run was asked for.

    Parameters
    ----------
    config
        The typed configuration.
    words
        The words of a command line that say the same, without passwords.
    """

    config: Config
    words: tuple[str, ...] = ()

    def but(self, values: Mapping[str, object]) -> Asked:
        """Return the same but for the values of some dotted keys, which are checked."""
        kept = (word for word in self.words if word.partition("=")[0] not in values)
        return Asked(config=changed(self.config, values), words=(*kept, *redacted_words(overrides_of(values))))

    @classmethod
    def of(cls, folder: Path) -> Asked:
        """Return what the run of a folder was asked for, though the folder was moved with the outputs around it.

        Raises
        ------
        ConfigError
            The folder is none of a run, or its record is damaged.
        """
        config = _recorded_config(folder)
        asked = cls(config=config, words=_recorded_words(folder))
        outputs = folder.resolve().parents[1]
        if Path(config.outputs).resolve() == outputs:
            return asked
        found: dict[str, object] = {"outputs": str(outputs)}
        for option, value in config.task.options.items():  # examples that lie in the run's folder
            if isinstance(value, str) and value.startswith(f"{config.outputs}{os.sep}"):
                found[f"task.options.{option}"] = str(outputs / value.removeprefix(f"{config.outputs}{os.sep}"))
        if config.store == f"sqlite:///{config.outputs}/nasweave.db":
            found["store"] = f"sqlite:///{outputs}/nasweave.db"
        return asked.but(found)


def is_recorded(folder: Path) -> bool:
    """Return whether a folder says what its run was asked for."""
    return (folder / _FOLDER / _CONFIG).exists()


def write_record(folder: Path, asked: Asked) -> None:
    """Leave what a run is asked for in its folder, without passwords."""
    words = yaml.safe_dump(list(asked.words), allow_unicode=True, width=math.inf)
    _write(folder / _FOLDER, {_CONFIG: as_yaml(asked.config), _WORDS: words})


@contextmanager
def recorded(folder: Path, asked: Asked) -> Iterator[None]:
    """Leave what a run is asked for in its folder, and put back what was there where the run refuses it."""
    record, before = folder / _FOLDER, {}
    for name in (_CONFIG, _WORDS):
        with suppress(OSError, ValueError):
            before[name] = (record / name).read_text(encoding="utf-8")
    write_record(folder, asked)
    try:
        yield
    except AnotherRunError:
        _write(record, before)
        raise


def _write(record: Path, texts: Mapping[str, str]) -> None:
    record.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomically(record / name, text.encode(errors="backslashreplace"))


def redacted_words(overrides: Sequence[Override]) -> tuple[str, ...]:
    """Return overrides as a user types them, without passwords."""
    return tuple(
        str(o) if o.value is None else f"{o.key}={redacted_url(o.value) if o.key == 'store' else redacted(o.value)}"
        for o in overrides
    )


def _recorded_config(folder: Path) -> Config:
    file = folder / _FOLDER / _CONFIG
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("no keys")
        data.pop("hydra", None)
        made = OmegaConf.create(data)
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(
            "path",
            expected="the folder of a run, which holds .hydra/config.yaml",
            got=f"{folder} ({type(error).__name__}: {reason_of(error)})",
            remedy="give outputs/TASK/NAME",
        ) from error
    try:
        config = from_hydra(made)
    except NasweaveError as error:
        raise ConfigError(
            f"{file}: {error.parameter}", expected=error.expected, got=error.got, remedy="mend or remove this file"
        ) from error
    return replace(config, store=_with_password(config.store, file=file))


def _with_password(store: str, *, file: Path) -> str:
    """Return a database, whose password no file holds, as the environment names it."""
    if not has_secret(store):
        return store
    if STORE_VARIABLE not in os.environ:
        raise ConfigError(
            STORE_VARIABLE,
            expected=f"the database of {file} with its password",
            got="nothing",
            remedy=f"set {STORE_VARIABLE} to {store}",
        )
    return os.environ[STORE_VARIABLE]


def _recorded_words(folder: Path) -> tuple[str, ...]:
    """Return the words beside the configuration, none where they are missing or damaged: they decide nothing."""
    try:
        words = yaml.safe_load((folder / _FOLDER / _WORDS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ()
    return tuple(map(str, words)) if isinstance(words, list) else ()
