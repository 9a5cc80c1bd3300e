"""Profile a device that nasweave does not run on: write a bundle for it, and bring its results in."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hardware_profiles import Profile, ProfilerConfig
from hardware_profiles.measuring.plausibility import check_same_unit, check_some_blocks
from hardware_profiles.portable.bundle import write_bundle
from hardware_profiles.portable.bundle_results import SESSION, read_results
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.profiling.builder import Builder
from runs.profiling.measuring import export_blocks, provenance
from runs.profiling.subjects import block_costs, subjects_of
from runs.profiling.target import key_of
from search_space.errors import ConfigError, ProfileError

__all__ = ["EXPORT_BUNDLE", "IMPORT_RESULTS"]


def export_bundle(context: Context) -> Path:
    """Write every block of the space and whole networks into the new folder ``profile.bundle``; return it."""
    config, target = context.config.profile, context.target
    folder = _given("bundle", config.bundle)
    subjects = subjects_of(target.space, networks=config.networks, seed=config.seed)
    with context.reporter.progress("bundle") as progress:
        export_blocks(subjects, target=target, progress=progress)
        identity = write_bundle(
            folder,
            subjects,
            setting=target.setting,
            space_fingerprint=target.space.fingerprint,
            build=Builder(target.space, setting=target.setting),
            config=ProfilerConfig(precision=config.precision, max_seconds=config.max_seconds, seed=config.seed),
            describe=partial(block_costs, target.space),
            provenance=provenance(target, task=context.config.task.name),
            progress=progress,
        )
    for line in (
        f"bundle: {folder} ({len(subjects)} models, {identity})",
        f"on the device: pip install numpy {target.runtime.package}, "
        f"then python {folder.name}/measure.py --time-budget 5m",
        "back here, with the same task, space and hardware: nasweave profile import=results.jsonl",
    ):
        context.reporter.message(line)
    return folder


def import_results(context: Context) -> Path:
    """Make a profile of what a bundle's program measured elsewhere; returns its file.

    Raises
    ------
    ProfileError
        For results of another space or setting, in another unit, or that are here already.
    """
    results = _given("import", context.config.profile.import_results)
    found = read_results(results)
    context.target.check(found)
    check_some_blocks(found, blocks=len(context.space.blocks))
    key = key_of(found.device, found.setting, version=found.runtime_version, space=found.space_fingerprint)
    new = {m.subject: m.latency_ms for m in found.measurements}
    for other in sorted(context.profiles.glob(f"{key}*.json")):
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
    file = found.save(context.profiles / f"{key}-{found.provenance[SESSION]}.json")
    context.reporter.message(
        f"profile: {len(found.blocks)} blocks and {len(found.networks)} networks of {found.device.name}, "
        f"{found.setting}; noise floor {100 * found.noise_floor:.1f} %; search for it with profile.path={file}"
    )
    return file


def _given(word: str, path: str | None) -> Path:
    if path is None:
        raise ConfigError(word, expected="a path", got="nothing", remedy=f"write {word}=PATH")
    return Path(path)


EXPORT_BUNDLE = Stage(name="bundle", run=export_bundle)
IMPORT_RESULTS = Stage(name="import", run=import_results)
