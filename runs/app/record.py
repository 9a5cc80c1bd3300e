"""What a run was asked for, in its folder, where Hydra's own tools look for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from omegaconf import OmegaConf

from hardware_profiles.atomic import write_atomically
from runs.app.config import as_yaml, from_hydra
from runs.pipeline.config import Config
from search_space.errors import ConfigError

__all__ = ["recorded_config", "write_record"]

_FOLDER = ".hydra"


def write_record(folder: Path, config: Config, *, overrides: Sequence[str] = ()) -> None:
    """Leave the configuration and what a user typed in the folder of a run, without passwords."""
    record = folder / _FOLDER
    record.mkdir(parents=True, exist_ok=True)
    write_atomically(record / "config.yaml", as_yaml(config).encode(errors="backslashreplace"))
    lines = "".join(f"- {line!r}\n" for line in overrides) or "[]\n"
    write_atomically(record / "overrides.yaml", lines.encode(errors="backslashreplace"))


def recorded_config(folder: Path) -> Config:
    """Return the configuration of a run's folder.

    Raises
    ------
    ConfigError
        The folder is none of a run, or its record is damaged.
    """
    file = folder / _FOLDER / "config.yaml"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(
            "path",
            expected="the folder of a run, which holds .hydra/config.yaml",
            got=f"{folder} ({type(error).__name__})",
            remedy="give outputs/TASK/NAME",
        ) from error
    if not isinstance(data, dict):
        raise ConfigError(
            "path", expected="a configuration in .hydra/config.yaml", got=repr(data)[:60], remedy="see outputs"
        )
    data.pop("hydra", None)
    return from_hydra(OmegaConf.create(data))
