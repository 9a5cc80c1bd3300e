"""How fast an exported folder is with its runtime alone: ``nasweave bench export DIR``.

What the folder's ``bench.py`` does, in a process that can import numpy and the runtimes and nothing else, which proves
that no more is needed. No data set, profile or run is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hardware_profiles.portable.bare import only_packages
from hardware_profiles.runtime import RUNTIMES
from runs.app.invocation import Invocation
from runs.export.fresh import run_bench
from runs.export.manifest import check_folder
from runs.reports.units import number, quantity
from search_space.errors import CheckpointError, ConfigError, RuntimeUnavailableError

__all__ = ["BENCH"]


def export(invocation: Invocation) -> None:
    """Check an exported folder and show latency, throughput, size and memory of its models."""
    config = invocation.config.bench
    if config.path is None:
        raise ConfigError(
            "bench.path", expected="an exported folder", got="nothing", remedy="nasweave bench export DIR"
        )
    folder = Path(config.path)
    runtimes = {model["runtime"] for model in check_folder(folder)["models"].values()}
    installed = [name for name, runtime in RUNTIMES.items() if runtime.portable and runtime.unavailable() is None]
    if not runtimes & set(installed):
        raise RuntimeUnavailableError(
            str(folder),
            expected=f"a model of a runtime that is installed here ({', '.join(installed)})",
            got=", ".join(sorted(runtimes)),
            remedy="add one, such as nasweave export export.formats=[onnx]",
        )
    told = ["--batch", ",".join(map(str, config.batch)), "--seconds", str(config.seconds), "--json"]
    told += ["--threads", str(invocation.config.hardware.threads)]
    with only_packages(("numpy", *installed)) as packages:
        run = run_bench(folder, told, path=[str(packages)])
    if run.returncode:
        reason = next((line for line in reversed(run.stderr.splitlines()) if line.strip()), f"exit {run.returncode}")
        raise CheckpointError(
            str(folder), expected="models that run", got=reason, remedy="copy or export the folder again"
        )
    if config.json:
        print(run.stdout.strip())
        return
    _show(json.loads(run.stdout))


def _show(report: dict[str, Any]) -> None:
    console = Console()
    threads = report["models"][0]["threads"]
    title = f"{report['name']}: numpy and the runtime alone, {threads} thread(s), Python {report['python']}"
    columns = ("model", "runtime", "batch", "p50 ms", "p90 ms", "p99 ms", "examples/s", "file", "peak memory")
    table = Table(*columns, title=title, title_justify="left")
    for row in report["models"]:
        size, memory = quantity(row["file_bytes"], "bytes"), quantity(row["peak_memory_bytes"], "bytes")
        for i, timed in enumerate(row["batches"]):
            table.add_row(
                *((row["model"], f"{row['runtime']} {row['runtime_version']}") if i == 0 else ("", "")),
                str(timed["batch"]),
                *(number(timed[name]) for name in ("p50_ms", "p90_ms", "p99_ms", "examples_per_s")),
                *((size, memory) if i == 0 else ("", "")),
            )
    console.print(table)
    for row in report["left_out"]:
        console.print(f"left out: {row['model']}, which needs {row['runtime']}", highlight=False)


BENCH = export
