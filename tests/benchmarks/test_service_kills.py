"""The benchmark of kills in small, with jobs that write lines: what it counts is counted, and nothing is wrong."""

from __future__ import annotations

from benchmarks import service_kills
from runs.service.runner import processes


def test_whatever_is_killed_every_run_ends_once(monkeypatch):
    monkeypatch.setattr(processes, "MODULE", "tests.runs.service.small_work")
    found = service_kills.measure(service_kills.Plan(searches=2, kills=3, seed=2, limit_s=60))
    assert 1 <= sum(found["kills"].values()) <= 3  # all three, unless the work was done before a moment came
    for name in ("not_done", "different", "not_listed", "at_once", "left_running", "gaps_in_events"):
        assert found[name] == 0, name
    noticed = found["noticed_s"]
    assert len(noticed["all"]) <= found["kills"].get("job", 0) and noticed["most"] < 30
    assert sum(max(attempts) - 1 for attempts in found["attempts"].values()) == len(noticed["all"])
