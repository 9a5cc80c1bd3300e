"""Energy meters against counters that we write ourselves."""

import sys
from types import SimpleNamespace

import pytest

from hardware_profiles.measuring.energy import RaplMeter, energy_meter

RANGE = 1_000_000


def zone(folder, name, microjoules):
    path = folder / name
    path.mkdir()
    (path / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (path / "energy_uj").write_text(f"{microjoules}\n")
    return path


def test_packages_are_summed_and_their_parts_are_not(tmp_path):
    packages = [zone(tmp_path, f"intel-rapl:{i}", 500) for i in range(2)]
    part = zone(tmp_path, "intel-rapl:0:0", 0)
    meter, name = energy_meter(accelerated=False, powercap=tmp_path)
    assert name == "RAPL" and meter.read_mj() == 0
    (packages[0] / "energy_uj").write_text("2500")
    (packages[1] / "energy_uj").write_text("1500")
    (part / "energy_uj").write_text("700000")
    assert meter.read_mj() == pytest.approx(3.0)


def test_a_counter_that_starts_again_goes_on(tmp_path):
    package = zone(tmp_path, "intel-rapl:0", RANGE - 1000)
    meter = RaplMeter([package])
    (package / "energy_uj").write_text("999")
    assert meter.read_mj() == pytest.approx(2.0)
    (package / "energy_uj").write_text("5999")
    assert meter.read_mj() == pytest.approx(7.0)


def test_a_machine_without_counters_says_so(tmp_path):
    meter, reason = energy_meter(accelerated=False, powercap=tmp_path)
    assert meter is None and reason.startswith("not measurable here")
    broken = zone(tmp_path, "intel-rapl:0", 0)
    (broken / "energy_uj").write_text("secret")
    meter, reason = energy_meter(accelerated=False, powercap=tmp_path)
    assert meter is None and "not readable" in reason


class Nvml(SimpleNamespace):
    class NVMLError(Exception):
        pass

    total = 0

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByIndex(self, index):
        return f"device {index}"

    def nvmlDeviceGetTotalEnergyConsumption(self, device):
        if device != "device 0" or self.total is None:
            raise self.NVMLError("not supported")
        return self.total


def test_a_cuda_device_is_read_through_nvml(monkeypatch):
    nvml = Nvml()
    nvml.__spec__ = SimpleNamespace(name="pynvml")
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    meter, name = energy_meter(accelerated=True)
    nvml.total = 250
    assert name == "NVML" and meter.read_mj() == 250.0
    nvml.total = None
    assert energy_meter(accelerated=True) == (None, "not measurable here: not supported")
