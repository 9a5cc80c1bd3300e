"""Measure this machine and put the profile among the shipped ones, under the name that the contract test expects.

``python -m benchmarks.ship_profile [overrides of nasweave profile]``; on a quiet machine, once a runtime, number of
threads and space. A profile that was measured before is continued, not repeated.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import hardware_profiles.devices
from runs.app.compose import compose
from runs.app.console.reporter import TerminalReporter
from runs.pipeline.context import Command, open_context
from runs.pipeline.plan import Plan
from runs.pipeline.stages.profile import PROFILE

__all__ = ["main"]


def main(overrides: list[str]) -> Path:
    """Measure, save and return the header's path."""
    config = compose(overrides=overrides)
    config = replace(
        config, name=f"shipped-{config.hardware.runtime}-t{config.hardware.threads}-{config.space['name']}"
    )
    reporter = TerminalReporter()
    context = open_context(config, command=Command(verb="profile", overrides=tuple(overrides)), reporter=reporter)
    profile = Plan(context).run(PROFILE)
    name = f"{profile.device.name}_{profile.setting.runtime}_t{profile.setting.threads}_{context.space.name}"
    header = profile.save(Path(hardware_profiles.devices.__file__).parent / f"{name}.json")
    reporter.message(f"shipped: {header.name}")
    return header


if __name__ == "__main__":
    main(sys.argv[1:])
