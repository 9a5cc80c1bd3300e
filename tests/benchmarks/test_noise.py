"""The statistics of repeated runs, on made-up sessions and on a real one that is too short to say anything."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import noise
from benchmarks.noise import READINGS, Reading, gaps, numbers


def readings(speed: float, *, slow: float = 1.0) -> list[list[Reading]]:
    rng = np.random.default_rng(0)
    own, reference = 2 * speed * rng.uniform(1, 1.2, 99), speed * rng.uniform(1, 1.2, 99)
    return [[Reading(own=own * (slow if i == 1 else 1), reference=reference) for i in range(READINGS)]]


def test_the_yardstick_divides_what_the_machine_did():
    first, faster = numbers(readings(1.0)), numbers(readings(0.5))
    for name, value in first.items():
        assert abs(value - faster[name])[0] == pytest.approx(0 if "divided" in name else np.log(2), abs=1e-9)


def test_one_disturbed_reading_of_three_is_passed_over():
    calm, disturbed = numbers(readings(1.0)), numbers(readings(1.0, slow=3.0))
    assert disturbed[f"median, divided, middle of {READINGS}"] == calm[f"median, divided, middle of {READINGS}"]


def test_gaps_are_between_sessions_of_each_two_kinds():
    told = [np.array([0.0, 0.0]), np.array([0.1, 0.3]), np.array([0.0, 0.01])]
    found = gaps(told, ["quiet", "busy", "quiet"])
    assert found["quiet, quiet"] == {"median": 0.5, "largest": 1.0} and set(found) == {"quiet, quiet", "quiet, busy"}
    assert found["quiet, busy"]["largest"] == pytest.approx(29.5)


def test_a_short_run_tells_every_statistic(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(noise, "_SECONDS", 0.01)
    words = ["--json", "--networks=2", "--sessions=3", "--pause=0", f"--picture={tmp_path / 'gaps.png'}"]
    monkeypatch.setattr("sys.argv", ["noise", *words])
    noise.main()
    found = json.loads(capsys.readouterr().out)
    assert len(found["gaps_percent"]) == 2 * 3 * len(noise.QUANTILES) and found["sessions"] == [
        "quiet",
        "busy",
        "quiet",
    ]
    assert (tmp_path / "gaps.png").stat().st_size > 10_000
