"""Keys of the configuration that earlier versions called otherwise: read, with a warning that says the new name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

__all__ = ["RENAMED", "current_key", "current_keys"]

RENAMED = {"finetune.race": "finetune.num_configurations"}
_log = logging.getLogger("nasweave.runs")


def current_key(key: str) -> str:
    """Return the present name of a dotted key."""
    if key not in RENAMED:
        return key
    _log.warning("%s is called %s now; the old name will be refused one day", key, RENAMED[key])
    return RENAMED[key]


def current_keys(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration, as nested mappings, with all keys under their present names."""
    found = {key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()}
    for old in RENAMED:
        group, _, name = old.rpartition(".")
        if isinstance(found.get(group), dict) and name in found[group]:
            value = found[group].pop(name)
            new_group, _, new_name = current_key(old).rpartition(".")
            found.setdefault(new_group, {})[new_name] = value
    return found
