"""What this machine can do, as facts and as text that fits a terminal and a bug report."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.abilities import YES, abilities
from hardware_profiles.devices import shipped
from hardware_profiles.measuring.conditions import disturbances
from hardware_profiles.measuring.energy import energy_meter
from hardware_profiles.onnx.cache import GraphCache, cache_folder
from runs.environment import versions
from runs.export import FORMATS
from runs.search import SAMPLERS
from supernet.catalogue import CHANNEL_MIXERS, MIXERS
from supernet.metrics import METRICS
from supernet.tasks import TASKS

__all__ = ["facts_text", "machine_facts"]

Facts = Mapping[str, Mapping[str, object]]


def machine_facts(*, data_root: Path, threads: int) -> Facts:
    """Return the facts by section, ready for JSON."""
    device = this_device()
    runtimes: dict[str, object] = {}
    accelerated = any(r.accelerated and r.unavailable() is None for r in RUNTIMES.values())
    for name, runtime in RUNTIMES.items():
        reason = runtime.unavailable()
        runtimes[name] = reason or {
            "version": runtime.version(),
            "precisions": sorted(runtime.precisions),
            "float precisions": sorted(runtime.float_precisions),
            "executes": abilities(runtime),
            "warnings": list(runtime.warnings(device)),
        }
    return {
        "device": {**json.loads(device.to_json()), "fingerprint": device.fingerprint},
        "versions": dict(versions()),
        "runtimes": runtimes,
        "measuring": {
            "energy": energy_meter(accelerated=accelerated)[1],
            "disturbances": list(disturbances(threads=threads)) or "none",
            "shipped profiles": list(shipped()) or "none",
        },
        "graphs of blocks": _graphs(),
        "data": {
            "data_root": str(data_root),
            "folders": sorted(p.name for p in data_root.iterdir()) if data_root.is_dir() else [],
        },
        "registries": {
            "tasks": list(TASKS),
            "metrics": list(METRICS),
            "mixers": list(MIXERS),
            "channel mixers": list(CHANNEL_MIXERS),
            "samplers": list(SAMPLERS),
            "export formats": list(FORMATS),
        },
    }


def _graphs() -> Mapping[str, object]:
    """Return where exported graphs are kept, and what there is; the folder may be removed at any time."""
    kept = GraphCache(cache_folder())
    count, size = kept.size()
    return {"folder": str(kept.folder or "none"), "graphs": count, "megabytes": round(size / 1e6, 1)}


def facts_text(facts: Facts, *, width: int) -> str:
    """Return the facts as text of lines of at most ``width`` characters, where no word is longer."""
    sections = []
    for title, content in facts.items():
        lines = [title.replace("_", " ")]
        for key, value in content.items():
            if isinstance(value, Mapping) and "executes" in value:
                lines += _runtime(key, value, width=width)
            else:
                lines += _entry(key, _text(value), width=width, indent=2)
        sections.append("\n".join(lines))
    return "\n\n".join(sections)


def _runtime(name: str, facts: Mapping[str, object], *, width: int) -> list[str]:
    verdicts = facts["executes"]
    assert isinstance(verdicts, Mapping)
    groups: dict[str, list[str]] = {}
    for precision, verdict in verdicts.items():
        groups.setdefault("executes" if verdict == YES else str(verdict), []).append(precision)
    lines = _entry(name, str(facts["version"]), width=width, indent=2)
    for verdict, precisions in groups.items():
        lines += _entry(verdict, ", ".join(precisions), width=width, indent=4)
    warnings = facts["warnings"]
    assert isinstance(warnings, list)
    for warning in warnings:
        lines += _entry("warning", warning, width=width, indent=4)
    return lines


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _entry(key: str, value: str, *, width: int, indent: int) -> list[str]:
    return textwrap.wrap(
        f"{key}: {value}",
        width=width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )
