"""What runs on the device: measure the models of a bundle and write the results line by line.

The bundle carries this file and those it imports, so the device needs Python, numpy and the runtime, nothing else.
Results are one JSON object a line, the first one a header; each is on the disk before the next model is timed, so the
same command continues after any interruption.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hardware_profiles.device import Device, this_device
from hardware_profiles.duration import seconds
from hardware_profiles.measuring.bench import Bench, Ready
from hardware_profiles.measuring.energy import energy_meter
from hardware_profiles.measuring.reference import Reference
from hardware_profiles.measuring.timing import Clock, ProfilerConfig
from hardware_profiles.measuring.turns import Turns
from hardware_profiles.model_file import ModelFile
from hardware_profiles.portable.bundle_format import (
    BUNDLE,
    BUNDLE_SCHEMA,
    RESULTS_FORMAT,
    UNIT,
    damaged,
    read_bundle,
    read_lines,
    read_part,
    results_head,
    row_place,
)
from search_space.errors import NasweaveError, ProfileError, reason_of
from search_space.schema import MalformedError

__all__ = ["main", "measure_bundle"]

_CHUNK = 24
_FIRST_BYTES = b'{"baseline_ms": '  # of results, whose keys are sorted
Say = Callable[[str], None]
Open = Callable[[bytes, Mapping[str, Any], int], Callable[[Any], Any]]


def main(folder: Path, arguments: Sequence[str], *, open_model: Open, say: Say) -> int:
    """Measure the bundle in ``folder``; returns the exit code.

    Parameters
    ----------
    folder
        Where ``bundle.json`` lies.
    arguments
        Of the command line.
    open_model
        Opens the content of a model with its settings on a number of threads: the runtime's own function.
    say
        Prints a line.
    """
    parser = argparse.ArgumentParser(description="Measure the models of a nasweave bundle on this device.")
    parser.add_argument("--results", type=Path, default=folder / "results.jsonl", help="file to write or continue")
    parser.add_argument("--time-budget", metavar="TIME", help="stop after so long, such as 90s, 5m or 1h")
    options = parser.parse_args(arguments)
    try:
        budget = None if options.time_budget is None else seconds(options.time_budget, parameter="--time-budget")
        count = measure_bundle(folder, options.results, open_model=open_model, time_budget_s=budget, say=say)
    except NasweaveError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command continues\n")
        return 130
    say(f"{count} models are measured; bring {options.results} back: nasweave profile import={options.results.name}")
    return 0


def measure_bundle(
    folder: Path,
    results: Path,
    *,
    open_model: Open,
    time_budget_s: float | None,
    say: Say,
    clock: Clock = time.perf_counter,
) -> int:
    """Measure what ``results`` does not hold yet; returns how many models it holds then.

    Raises
    ------
    ProfileError
        When the bundle is damaged, or the results are of another device, bundle or runtime.
    """
    bundle = read_bundle(folder)
    setting = bundle["setting"]
    library = _library(bundle["package"])
    version = f"{library}{'.' if '+' in library else '+'}{bundle['graph']}"
    device = this_device()
    done = _done(results, bundle=bundle, device=device, version=version)
    started = clock()
    try:
        config = ProfilerConfig(**bundle["config"])
    except TypeError as error:
        raise damaged(folder / BUNDLE, reason_of(error)) from error

    def ready(entry: dict[str, Any]) -> Ready[str]:
        content, example = read_part(folder, entry["model"]), read_part(folder, entry["input"])
        try:
            model = ModelFile(content, open_model(content, entry["settings"], setting["threads"]))
            return Ready(key=entry["name"], executable=model, example=np.load(io.BytesIO(example)))
        except Exception as error:  # the runtimes' own have no class in common
            raise damaged(folder / entry["model"]["path"], f"what does not open ({reason_of(error)})") from error

    reference = ready(bundle["reference"])
    meter, energy = energy_meter(accelerated=False)
    bench: Bench = Bench(
        Reference(executable=reference.executable, example=np.asarray(reference.example)),
        config=config,
        clock=clock,
        baseline_ms=done[0].get("baseline_ms") if done else None,
        next_order=max((row["order"] for row in done[1:]), default=-1) + 1,
        meter=meter,
    )
    with results.open("a", encoding="utf-8") as file:
        if not done:
            head = {
                "format": RESULTS_FORMAT,
                "schema": BUNDLE_SCHEMA,
                "bundle": bundle["id"],
                "session": secrets.token_hex(8),
                "unit": UNIT,
                "device": json.loads(device.to_json()),
                "setting": setting,
                "runtime_version": version,
                "space_fingerprint": bundle["space_fingerprint"],
                "confidence": config.confidence,
                "baseline_ms": bench.baseline_ms,
                "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "provenance": {
                    **bundle["provenance"],
                    "python": platform.python_version(),
                    "numpy": np.__version__,
                    "energy": energy,
                },
            }
            _append(file, head)
        known = {row["name"] for row in done[1:]}
        entries = {entry["name"]: entry for entry in bundle["models"] if entry["name"] not in known}
        turns = _turns(list(entries.values()), config.block_share)
        rng = np.random.default_rng([config.seed, len(known)])
        count = len(known)

        def spent(waiting: int = 0) -> float:
            needed = waiting * (config.max_seconds + config.reference_seconds)
            return 0.0 if time_budget_s is None else (clock() - started + needed) / time_budget_s

        while turns and spent() < 1:
            chunk: list[Ready[str]] = []
            while turns and len(chunk) < _CHUNK and (not chunk or spent(len(chunk)) < 1):
                chunk += [ready(entry) for entry in turns.take(spent=spent(len(chunk)))]
            for name, reading in bench.chunk(chunk, rng=rng, out_of_time=lambda: spent() >= 1):
                entry = entries[name]
                _append(file, {"name": name, "subject": entry["subject"], **asdict(reading)})
                count += 1
                say(f"{count}/{len(bundle['models'])}  {entry['title']}  {reading.latency_ms:.4g} ms")
    return count


def _turns(entries: Sequence[dict[str, Any]], block_share: float) -> Turns[dict[str, Any]]:
    phases: dict[str, list[list[dict[str, Any]]]] = {"first": [], "block": [], "network": []}
    for entry in entries:
        phases[entry["phase"]].append([entry])
    return Turns(phases["first"], blocks=phases["block"], networks=phases["network"], block_share=block_share)


def _library(runtime: str) -> str:
    try:
        return importlib.metadata.version(runtime)
    except importlib.metadata.PackageNotFoundError as error:
        raise ProfileError(
            "runtime", expected=f"{runtime} on this device", got="none", remedy=f"pip install numpy {runtime}"
        ) from error


def _done(results: Path, *, bundle: dict[str, Any], device: Device, version: str) -> list[dict[str, Any]]:
    """Return the header and the rows that are there; a last line that a crash cut short is removed.

    Nothing is removed from a file that is not of this bundle.
    """
    if not results.exists():
        return []
    try:
        rows, size = read_lines(results)
        if not rows and not _FIRST_BYTES.startswith(results.read_bytes()[: len(_FIRST_BYTES)]):
            raise MalformedError("a file of another kind")
        head = results_head(rows[0]) if rows else {}
        for row in rows[1:]:
            row_place(row)
    except (OSError, MalformedError) as error:
        raise ProfileError(
            results.name, expected="results of this bundle", got=str(error), remedy="write to another --results"
        ) from error
    if not rows:
        os.truncate(results, 0)
        return []
    theirs = Device(**head["device"])
    for what, wanted, got in (
        ("bundle", bundle["id"], head["bundle"]),
        ("runtime version", version, head["runtime_version"]),
        ("device", "this one", "this one" if theirs.fingerprint == device.fingerprint else theirs.difference(device)),
    ):
        if wanted != got:
            raise ProfileError(
                f"{what} of {results.name}", expected=str(wanted), got=str(got), remedy="write to another --results"
            )
    os.truncate(results, size)
    return [head, *rows[1:]]


def _append(file: io.TextIOWrapper, row: dict[str, Any]) -> None:
    file.write(json.dumps(row, sort_keys=True) + "\n")
    file.flush()
    os.fsync(file.fileno())
