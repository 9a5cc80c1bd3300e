"""The groups of the configuration, from which options are chosen: found by their files, without Hydra."""

from __future__ import annotations

from pathlib import Path

import hydra_conf

__all__ = ["groups"]

_ROOT = Path(hydra_conf.__file__).parent


def groups(config_dir: str | None = None) -> dict[str, list[str]]:
    """Return the options of every group, those of a user's folder among them."""
    found: dict[str, set[str]] = {}
    for root in (_ROOT, *([] if config_dir is None else [Path(config_dir)])):
        for path in root.glob("*/*.yaml"):
            if path.parent.name != "hydra":
                found.setdefault(path.parent.name, set()).add(path.stem)
    return {group: sorted(options) for group, options in sorted(found.items())}
