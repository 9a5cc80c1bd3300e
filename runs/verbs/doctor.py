"""What this machine can do, ready to be pasted into a bug report."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hardware_profiles import RUNTIMES, this_device
from runs.environment import versions
from runs.export import FORMATS
from runs.search import SAMPLERS
from runs.workspace import Workspace
from supernet.catalogue import CHANNEL_MIXERS, MIXERS
from supernet.tasks import TASKS

__all__ = ["VERB"]


def doctor(workspace: Workspace) -> None:
    """Show what this machine can do."""
    facts = _facts(workspace)
    if workspace.config.doctor.json:
        print(json.dumps(facts, indent=2))
        return
    console = Console()
    for title, content in facts.items():
        table = Table(title=title.replace("_", " "), title_justify="left", show_header=False)
        for key, value in content.items():
            if isinstance(value, dict):
                value = "; ".join(f"{k}: {_text(v)}" for k, v in value.items() if v)
            table.add_row(key, _text(value))
        console.print(table)


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _facts(workspace: Workspace) -> dict[str, dict[str, object]]:
    device = this_device()
    runtimes: dict[str, object] = {}
    for name, runtime in RUNTIMES.items():
        reason = runtime.unavailable()
        runtimes[name] = reason or {
            "version": runtime.version(),
            "precisions": sorted(runtime.precisions),
            "float precisions": sorted(runtime.float_precisions),
            "warnings": list(runtime.warnings(device)),
        }
    root = Path(workspace.config.data_root)
    return {
        "device": {**json.loads(device.to_json()), "fingerprint": device.fingerprint},
        "versions": dict(versions()),
        "runtimes": runtimes,
        "data": {"data_root": str(root), "folders": sorted(p.name for p in root.iterdir()) if root.is_dir() else []},
        "registries": {
            "tasks": list(TASKS),
            "mixers": list(MIXERS),
            "channel mixers": list(CHANNEL_MIXERS),
            "samplers": list(SAMPLERS),
            "export formats": list(FORMATS),
        },
    }


VERB = doctor
