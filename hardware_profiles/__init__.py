"""Devices, runtimes and what they measured."""

from hardware_profiles.device import Device, this_device
from hardware_profiles.measurement import Measurand, Measurement, Subject, subject_from_json, subject_to_json
from hardware_profiles.measuring.inputs import Build, Built, Earlier, Instruments, ProfileOrigin
from hardware_profiles.measuring.profiler import measure_profile
from hardware_profiles.measuring.timing import ProfilerConfig, Timing, measure
from hardware_profiles.profile import Profile
from hardware_profiles.runtime import RUNTIMES, Executable, Prepared, Runtime
from hardware_profiles.setting import Setting

__all__ = [
    "RUNTIMES",
    "Build",
    "Built",
    "Device",
    "Earlier",
    "Executable",
    "Instruments",
    "Measurand",
    "Measurement",
    "Prepared",
    "Profile",
    "ProfileOrigin",
    "ProfilerConfig",
    "Runtime",
    "Setting",
    "Subject",
    "Timing",
    "measure",
    "measure_profile",
    "subject_from_json",
    "subject_to_json",
    "this_device",
]
