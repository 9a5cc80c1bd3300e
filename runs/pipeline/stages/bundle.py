"""Profile a device that nasweave does not run on: write a bundle for it, and bring its results in."""

from __future__ import annotations

from pathlib import Path

from hardware_profiles import Profile, ProfilerConfig, Subject
from hardware_profiles.measuring.plausibility import check_same_unit
from hardware_profiles.portable.bundle import write_bundle
from hardware_profiles.portable.bundle_results import SESSION, read_results
from runs.pipeline.stages.build import Builder
from runs.pipeline.stages.profile import block_costs, check_profile, key_of, networks, provenance
from runs.pipeline.workspace import Workspace
from runs.progress import show_progress
from search_space.errors import ProfileError

__all__ = ["export_bundle", "import_results"]


def export_bundle(workspace: Workspace, folder: Path) -> None:
    """Write a bundle of every block of the space and of whole networks into a new folder."""
    config = workspace.config.profile
    subjects: list[Subject] = [*workspace.space.blocks, *networks(workspace, config.networks)]
    with show_progress(workspace.console, "bundle") as progress:
        identity = write_bundle(
            folder,
            subjects,
            setting=workspace.setting,
            space_fingerprint=workspace.space.fingerprint,
            build=Builder(workspace.space, batch_size=workspace.setting.batch_size),
            config=ProfilerConfig(precision=config.precision, max_seconds=config.max_seconds, seed=config.seed),
            describe=lambda subject: block_costs(workspace, subject),
            provenance=provenance(workspace),
            progress=progress,
        )
    runtime = workspace.setting.runtime
    lines = (
        f"bundle: {folder} ({len(subjects)} models, {identity})",
        f"on the device: pip install numpy {runtime}, then python {folder.name}/measure.py --time-budget 5m",
        "back here, with the same task, space and hardware: nasweave profile import=results.jsonl",
    )
    for line in lines:
        workspace.console.print(line, highlight=False, markup=False, soft_wrap=True)


def import_results(workspace: Workspace, results: Path) -> Path:
    """Make a profile of what a bundle's program measured elsewhere; returns its file.

    Raises
    ------
    ProfileError
        For results of another space or setting, in another unit, or that are here already.
    """
    found = read_results(results)
    check_profile(workspace, found)
    key = key_of(found.device, found.setting, version=found.runtime_version, space=found.space_fingerprint)
    folder = workspace.outputs / "profiles"
    new = {m.subject: m.latency_ms for m in found.measurements}
    for other in sorted(folder.glob(f"{key}*.json")):
        known = Profile.load(other)
        check_same_unit(new, {m.subject: m.latency_ms for m in known.measurements}, what=f"results {results.name}")
        same = known.provenance.get(SESSION) == found.provenance[SESSION]
        if same and {m.subject for m in known.measurements} >= new.keys():
            raise ProfileError(
                f"results {results.name}",
                expected="results that are not here yet",
                got=f"those of session {found.provenance[SESSION]}, imported before",
                remedy=f"use profile.path={other}",
            )
    file = found.save(folder / f"{key}-{found.provenance[SESSION]}.json")
    workspace.console.print(
        f"profile: {len(found.blocks)} blocks and {len(found.networks)} networks of {found.device.name}, "
        f"{found.setting}; noise floor {100 * found.noise_floor:.1f} %; search for it with profile.path={file}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return file
