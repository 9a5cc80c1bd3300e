"""The main job as a newcomer runs it: a whole run in an empty folder, with nothing measured or trained before.

``python -m benchmarks.main_job`` runs the digits with the defaults and tells the seconds of each stage, how far the
measured latencies of the front are from the predicted ones, how often the 90 % intervals hold, and whether the exported
network is slower than its own float form. Overrides of ``nasweave run`` follow; ``--json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

import nasweave as nw

_NOISE = 0.05  # by which a latency is called slower


def measure(task: str, overrides: Mapping[str, object], *, outputs: str, progress: bool) -> dict[str, Any]:
    """Return the figures of one run."""
    begin = time.monotonic()
    with nw.create_run(task=task, outputs=outputs, overrides=overrides, progress=progress) as run:
        run.profile()
        run.search()
        front = run.front(measured=True)
        run.report()
        exported = run.export()
        total = time.monotonic() - begin
        seconds = dict(run.seconds)
    measured = front.dropna(subset="measured_latency_ms") if "measured_latency_ms" in front else front.iloc[:0]
    gaps = (measured["measured_latency_ms"] / measured["latency_ms"] - 1).abs().tolist() if len(measured) else []
    inside = measured["measured_latency_ms"].between(measured["latency_low_ms"], measured["latency_high_ms"])
    rows = exported.parity
    slower = None
    if "latency_ms" in rows.get("onnx", {}) and "latency_ms" in rows.get("onnx_fp32", {}):
        slower = rows["onnx"]["latency_ms"] > (1 + _NOISE) * rows["onnx_fp32"]["latency_ms"]
    return {
        "task": task,
        "device": nw.doctor()["device"]["name"],
        "seconds_by_stage": {name: round(value, 1) for name, value in seconds.items() if value >= 0.05},
        "total_s": round(total, 1),
        "front": len(front),
        "best_test_error": float(front["test_error"].min()),
        "median_gap": statistics.median(gaps) if gaps else None,
        "largest_gap": max(gaps, default=None),
        "coverage": float(inside.mean()) if len(measured) else None,
        "slower_than_float": slower,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="digits")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    parser.add_argument("overrides", nargs="*", help="such as search.fidelities.time_budget=30s")
    options = parser.parse_args(arguments)
    overrides = {key: yaml.safe_load(value) for key, _, value in (word.partition("=") for word in options.overrides)}
    with tempfile.TemporaryDirectory(prefix="nasweave-") as folder:
        result = measure(options.task, overrides, outputs=folder, progress=not options.json)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        for name, value in result.items():
            print(f"{name:18} {value}")


if __name__ == "__main__":
    main()
