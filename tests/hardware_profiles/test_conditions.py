"""What disturbs a measurement, on a machine whose files we write ourselves."""

import pytest

from hardware_profiles import Measurement
from hardware_profiles.measuring.conditions import disturbances, drift_hint, throttle_count
from search_space import Block


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.getloadavg", lambda: (0.1, 3.0, 3.0))
    return {"cpu": tmp_path / "cpu", "power": tmp_path / "power"}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_quiet_machine_has_nothing_to_say(machine):
    write(machine["cpu"] / "cpu0" / "cpufreq" / "scaling_governor", "performance\n")
    write(machine["power"] / "BAT0" / "status", "Full\n")
    assert disturbances(threads=1, **machine) == ()


@pytest.mark.parametrize(("load", "threads", "busy"), [(1.3, 1, True), (0.9, 1, False), (0.9, 4, True)])
def test_load_counts_by_the_cores_that_are_left(machine, monkeypatch, load, threads, busy):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    assert any("other programs" in text for text in disturbances(threads=threads, **machine)) == busy


def test_a_slow_clock_and_a_battery_are_named(machine):
    write(machine["cpu"] / "cpu0" / "cpufreq" / "scaling_governor", "powersave\n")
    write(machine["power"] / "BAT1" / "status", "Discharging\n")
    clock, battery = disturbances(threads=1, **machine)
    assert "'powersave'" in clock and "battery" in battery


def test_throttling_is_counted_where_the_processor_tells(tmp_path):
    assert throttle_count(cpu=tmp_path) is None
    for i, count in enumerate((3, 4)):
        write(tmp_path / f"cpu{i}" / "thermal_throttle" / "core_throttle_count", f"{count}\n")
    write(tmp_path / "cpufreq" / "thermal_throttle" / "core_throttle_count", "100\n")
    assert throttle_count(cpu=tmp_path) == 7


def measured(drift):
    return Measurement(
        subject=Block(kind="mixer", key="softmax", embed_dim=32, num_heads=2),
        latency_ms=1.0,
        raw_ms=drift,
        spread=0.01,
        repeats=10,
        drift=drift,
        reference_ms=0.1 * drift,
        order=0,
        measured_at="2026-11-22T10:00:00+00:00",
    )


def test_only_a_wandering_machine_is_told_of():
    assert drift_hint([]) is None
    assert drift_hint([measured(d) for d in (1.0, 1.1, 1.05)]) is None
    assert "50 %" in drift_hint([measured(d) for d in (1.0, 1.2, 1.5)])
    # One disturbed moment of many is no drift.
    assert drift_hint([measured(d) for d in [1.0] * 60 + [3.0]]) is None
