"""Devices, runtimes and what they measured."""

from hardware_profiles.device import Device, this_device
from hardware_profiles.measurement import Measurement, Subject
from hardware_profiles.profile import Profile
from hardware_profiles.runtime import RUNTIMES, Executable, Prepared, Runtime
from hardware_profiles.setting import Setting

__all__ = [
    "RUNTIMES",
    "Device",
    "Executable",
    "Measurement",
    "Prepared",
    "Profile",
    "Runtime",
    "Setting",
    "Subject",
    "this_device",
]
