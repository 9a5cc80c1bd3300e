"""The software that numbers depend on: written beside every result."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["versions"]

_PACKAGES = ("nasweave", "torch", "onnxruntime", "onnx", "optuna", "numpy", "scikit-learn", "sqlalchemy", "hydra-core")


def versions() -> dict[str, str]:
    """Return the version of Python, of the system and of every library that decides a result."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
