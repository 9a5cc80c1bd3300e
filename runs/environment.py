"""The software that numbers depend on: written beside every result."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_version", "versions"]

_PACKAGES = (
    "nasweave",
    "torch",
    "onnxruntime",
    "openvino",
    "onnx",
    "optuna",
    "numpy",
    "scikit-learn",
    "sqlalchemy",
    "hydra-core",
)


def versions() -> dict[str, str]:
    """Return the version of Python, of the system and of every library that decides a result."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def code_version() -> str:
    """Return the version of nasweave with a hash of its sources: two checkouts of one version may differ."""
    top = Path(__file__).parent.parent
    sources = hashlib.sha256()
    for package in ("hardware_profiles", "predictors", "runs", "search_space", "supernet"):
        for path in sorted((top / package).rglob("*.py")):
            sources.update(path.relative_to(top).as_posix().encode())
            sources.update(path.read_bytes())
    return f"{versions()['nasweave']}+{sources.hexdigest()[:12]}"
