"""What this machine can do, ready to be pasted into a bug report."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.abilities import abilities
from hardware_profiles.devices import shipped
from hardware_profiles.measuring.conditions import disturbances
from hardware_profiles.measuring.energy import energy_meter
from runs.environment import versions
from runs.export import FORMATS
from runs.pipeline.workspace import Workspace
from runs.search import SAMPLERS
from search_space.precision import FLOAT_BYTES
from search_space.precision import FORMATS as PRECISIONS
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
    console.print(_precisions(facts["runtimes"]))
    for title, content in facts.items():
        table = Table(title=title.replace("_", " "), title_justify="left", show_header=False)
        for key, value in content.items():
            if isinstance(value, dict):
                value = "; ".join(f"{k}: {_text(v)}" for k, v in value.items() if v and k != "executes")
            table.add_row(key, _text(value))
        console.print(table)


def _precisions(runtimes: dict[str, object]) -> Table:
    """Return the runtimes with what they execute on this machine."""
    executes = {name: fact["executes"] for name, fact in runtimes.items() if isinstance(fact, dict)}
    columns = [p for p in (*FLOAT_BYTES, *PRECISIONS) if any(p in verdicts for verdicts in executes.values())]
    table = Table("runtime", *columns, title="what runs on this machine", title_justify="left")
    for name, verdicts in executes.items():
        table.add_row(name, *(verdicts.get(p, "") for p in columns))
    return table


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _facts(workspace: Workspace) -> dict[str, dict[str, object]]:
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
    root = Path(workspace.config.data_root)
    return {
        "device": {**json.loads(device.to_json()), "fingerprint": device.fingerprint},
        "versions": dict(versions()),
        "runtimes": runtimes,
        "measuring": {
            "energy": energy_meter(accelerated=accelerated)[1],
            "disturbances": list(disturbances(threads=workspace.config.hardware.threads)) or "none",
            "shipped profiles": list(shipped()) or "none",
        },
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
