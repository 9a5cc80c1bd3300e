"""A bundle: the models of a space and a small program, to be measured on a device that nasweave does not run on.

The program is a copy of the modules that the profiler itself times with, so both measure alike; the device needs
Python 3.11, numpy and the runtime. :mod:`hardware_profiles.portable.bundle_results` reads what comes back.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import hardware_profiles
import search_space
from hardware_profiles.example import whole_array_of
from hardware_profiles.measurement import Subject, subject_to_json
from hardware_profiles.measuring.inputs import Build
from hardware_profiles.measuring.reference import Reference
from hardware_profiles.measuring.schedule import Describe, spread_out
from hardware_profiles.measuring.timing import ProfilerConfig
from hardware_profiles.portable.bundle_format import BUNDLE, BUNDLE_FORMAT, BUNDLE_SCHEMA, bundle_identity
from hardware_profiles.runtime import RUNTIMES, Executable
from hardware_profiles.setting import Setting
from search_space import Architecture
from search_space.errors import ConfigError, RuntimeUnavailableError

__all__ = ["write_bundle"]

_CARRIED = {
    hardware_profiles: (
        "atomic",
        "device",
        "duration",
        "measuring/bench",
        "measuring/energy",
        "measuring/reference",
        "measuring/timing",
        "measuring/turns",
        "model_file",
        "portable/bundle_format",
        "portable/bundle_runner",
        "setting",
    ),
    search_space: ("errors", "precision", "schema"),
}
_SCRIPT = '''"""Measure this bundle: python measure.py [--time-budget 5m] [--results FILE]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))

from hardware_profiles.portable.bundle_runner import main  # noqa: E402


{source}

sys.exit(main(HERE, sys.argv[1:], open_model={name}, say=print))
'''


def write_bundle(
    folder: Path,
    subjects: Sequence[Subject],
    *,
    setting: Setting,
    space_fingerprint: str,
    build: Build,
    config: ProfilerConfig,
    describe: Describe,
    provenance: Mapping[str, str],
    progress: Callable[[int, int, str], None],
) -> str:
    """Export every subject, whole or not at all; returns the bundle's identity.

    Parameters
    ----------
    folder
        New; its parents exist or are made.
    subjects
        Blocks and networks; these keep their order.
    setting, space_fingerprint
        As for :class:`hardware_profiles.ProfileOrigin`.
    build, config, describe
        As for :func:`hardware_profiles.measure_profile`.
    provenance
        What a profile made from it says of how it came about.
    progress
        Called with (exported, total, what happens now).

    Raises
    ------
    ConfigError
        When something is there already.
    RuntimeUnavailableError
        When the runtime is missing, or needs more than numpy and itself on the device.
    """
    runtime = RUNTIMES[setting.runtime]
    reason = runtime.unavailable()
    portable = [name for name, one in RUNTIMES.items() if one.portable]
    if not runtime.portable or reason is not None:
        raise RuntimeUnavailableError(
            "hardware.runtime",
            expected=f"one that a bundle can carry models for ({', '.join(portable)}), installed here",
            got=runtime.name,
            remedy=reason or "choose another runtime",
        )
    if folder.exists():
        raise ConfigError(
            "profile.bundle", expected="a folder that does not exist yet", got=str(folder), remedy="choose another"
        )
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.mkdir(parents=True)
        files = _Files(temporary, runtime.file_suffix)
        reference = Reference.compile(runtime, threads=setting.threads)
        models: list[dict[str, Any]] = []
        turns = spread_out(
            subjects, np.random.default_rng(config.seed), describe=describe, block_share=config.block_share
        )
        for phase, group in turns.phases():
            prepared = None
            for subject in group:
                progress(len(models), len(subjects), f"exporting {subject}")
                built = build(subject)
                prepared = built.prepared(runtime) if prepared is None else prepared
                executable = prepared.compile(
                    policy=built.policy, threads=setting.threads, float_precision=subject.float_precision
                )
                entry = {
                    "name": f"{len(models):05d}",
                    "phase": phase,
                    "title": f"network {subject.key}" if isinstance(subject, Architecture) else str(subject),
                    "subject": subject_to_json(subject),
                    "float_precision": subject.float_precision,
                    "settings": dict(runtime.settings(subject.float_precision)),
                    "model": files.model(executable),
                    "input": files.array(whole_array_of(built.example)),
                }
                models.append(entry)
        bundle: dict[str, Any] = {
            "format": BUNDLE_FORMAT,
            "schema": BUNDLE_SCHEMA,
            "setting": setting.to_mapping(),
            "package": runtime.package,
            "graph": runtime.version().removeprefix(runtime.library_version()).lstrip("+."),
            "space_fingerprint": space_fingerprint,
            "config": {**asdict(config), "time_budget_s": None, "memory": False},
            "provenance": dict(provenance),
            "reference": {
                "name": "reference",
                "float_precision": "fp32",
                "settings": dict(runtime.settings("fp32")),
                "model": files.model(reference.executable),
                "input": files.array(reference.example),
            },
            "models": models,
        }
        bundle["id"] = bundle_identity(bundle)
        _write(temporary / BUNDLE, (json.dumps(bundle, indent=1, sort_keys=True) + "\n").encode())
        script = _SCRIPT.format(source=runtime.opener_source(), name=runtime.opener_name)
        _write(temporary / "measure.py", script.encode())
        for package, names in _CARRIED.items():
            assert package.__file__ is not None
            source, target = Path(package.__file__).parent, temporary / "lib" / package.__name__
            for folder_of in {target, *((target / name).parent for name in names)}:
                _write(folder_of / "__init__.py", f'"""Part of {package.__name__}, for a bundle."""\n'.encode())
            for name in names:
                _write(target / f"{name}.py", (source / f"{name}.py").read_bytes())
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return str(bundle["id"])


class _Files:
    """Models and inputs of one bundle, each stored once."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix = folder, suffix

    def model(self, executable: Executable) -> dict[str, str]:
        path = self._folder / "models" / f"new{self._suffix}"
        executable.save(path)
        content = path.read_bytes()
        path.unlink()
        return self._store("models", content, self._suffix)

    def array(self, example: np.ndarray[Any, Any]) -> dict[str, str]:
        buffer = io.BytesIO()
        np.save(buffer, example)
        return self._store("inputs", buffer.getvalue(), ".npy")

    def _store(self, kind: str, content: bytes, suffix: str) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        path = f"{kind}/{digest[:16]}{suffix}"
        _write(self._folder / path, content)
        return {"path": path, "sha256": digest}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
