"""Numbers for Prometheus, in its text format."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

__all__ = ["exposition"]


def exposition(*, runs: Mapping[str, int], waiting: int, running: int, runners: int, watching: int, untold: int) -> str:
    """Return the metrics of a server."""
    process = psutil.Process()
    times = process.cpu_times()
    lines = ["# HELP nasweave_runs Runs by state.", "# TYPE nasweave_runs gauge"]
    lines += [f'nasweave_runs{{state="{state}"}} {number}' for state, number in runs.items()]
    for name, kind, text, value in (
        ("nasweave_jobs_waiting", "gauge", "Jobs that wait for a runner.", waiting),
        ("nasweave_jobs_running", "gauge", "Jobs that run.", running),
        ("nasweave_runners", "gauge", "Runners that live.", runners),
        ("nasweave_pages_watching", "gauge", "Pages that follow a run.", watching),
        ("nasweave_notices_given_up", "gauge", "Ended jobs of which the webhook could not be told.", untold),
        ("process_resident_memory_bytes", "gauge", "Memory of the server.", process.memory_info().rss),
        ("process_cpu_seconds_total", "counter", "Processor time of the server.", times.user + times.system),
    ):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
    return "\n".join(lines) + "\n"
