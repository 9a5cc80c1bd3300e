"""Which statistic of repeated runs comes out the same in another session, on a quiet machine and beside a neighbour.

``python -m benchmarks.noise`` times some networks of the digits' space in several sessions, every second one beside a
process of its own that fills the caches on one core half of the time, and keeps every sample. A session gives each
network one number by each statistic: a quantile of its samples, alone or divided by the same quantile of the
yardstick's samples around it, from one reading of the network or from three (their middle or their least). A gap is how
far the numbers of two sessions are apart; both are of the kinds named, so ``quiet, busy`` is a profile made in quiet
and a measurement beside the neighbour. ``--json`` prints one object, ``--picture`` draws the gaps.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from hardware_profiles import RUNTIMES, Executable, Setting, this_device
from hardware_profiles.measuring.reference import Reference
from runs.app.compose import compose
from runs.profiling.builder import Builder
from search_space import space_from_mapping
from supernet import catalogue
from supernet.tasks import TASKS

QUANTILES = {"least": 0.0, "5 %": 0.05, "10 %": 0.1, "25 %": 0.25, "median": 0.5}
READINGS = 3
_SECONDS, _REFERENCE_SECONDS, _SAMPLE_S = 0.15, 0.015, 0.001
_NEIGHBOUR = """
import sys, time
import numpy as np
end, block = time.monotonic() + float(sys.argv[1]), np.ones(8 * 2**20)
while time.monotonic() < end:
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        block += 1.0
    time.sleep(0.05)
"""

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """The samples of a network in ms, and those of the yardstick before and after it."""

    own: Samples
    reference: Samples


def samples(executable: Executable, example: NDArray[np.float32], *, seconds: float) -> Samples:
    """Return the milliseconds of runs, several runs a sample where one is short."""
    begin = time.perf_counter()
    executable.run(example)
    loops = max(1, int(_SAMPLE_S / (time.perf_counter() - begin)))
    found, end = [], time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        for _ in range(loops):
            executable.run(example)
        found.append((time.perf_counter() - before) / loops * 1e3)
    return np.array(found)


def session(
    subjects: Sequence[tuple[Executable, NDArray[np.float32]]], reference: Reference, *, rng: np.random.Generator
) -> list[list[Reading]]:
    """Return the readings of each subject, in rounds of random order."""

    def yardstick() -> Samples:
        return samples(reference.executable, reference.example, seconds=_REFERENCE_SECONDS)

    readings: list[list[Reading]] = [[] for _ in subjects]
    before = yardstick()
    for _ in range(READINGS):
        for i in rng.permutation(len(subjects)):
            own = samples(*subjects[i], seconds=_SECONDS)
            after = yardstick()
            readings[i].append(Reading(own=own, reference=np.concatenate([before, after])))
            before = after
    return readings


@contextmanager
def neighbour(busy: bool) -> Iterator[None]:
    """Keep one core and the caches busy half of the time, for ten minutes at most."""
    if not busy:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", _NEIGHBOUR, "600"]) as process:
        try:
            time.sleep(1.0)
            yield
        finally:
            process.kill()


def numbers(readings: Sequence[Sequence[Reading]]) -> dict[str, NDArray[np.float64]]:
    """Return what each statistic says of each subject, in logarithms."""
    found = {}
    for name, quantile in QUANTILES.items():
        own = np.log([[np.quantile(r.own, quantile) for r in several] for several in readings])
        reference = np.log([[np.quantile(r.reference, quantile) for r in several] for several in readings])
        for divided, values in (("", own), (", divided", own - reference)):
            found[f"{name}{divided}, one reading"] = values[:, 0]
            found[f"{name}{divided}, middle of {READINGS}"] = np.median(values, axis=1)
            found[f"{name}{divided}, least of {READINGS}"] = values.min(axis=1)
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    config = compose(overrides=["task=digits"])
    shape = TASKS["digits"].load(data_root=Path(), options={"patch_size": 2}).shape
    space, runtime = space_from_mapping(config.space, task=shape, catalogue=catalogue()), RUNTIMES["onnxruntime"]
    rng, build = np.random.default_rng(options.seed), Builder(space, setting=Setting(runtime="onnxruntime"))
    subjects = []
    for architecture in space.decode(space.sample_genes(rng, options.networks)):
        built = build(architecture)
        executable = runtime.compile(built.module, built.example, policy=built.policy, threads=1)
        subjects.append((executable, built.example.numpy()))
    reference = Reference.compile(runtime, threads=1)
    kinds, told = [], []
    for number in range(options.sessions):
        kinds.append("busy" if number % 2 else "quiet")
        with neighbour(kinds[-1] == "busy"):
            told.append(numbers(session(subjects, reference, rng=rng)))
        print(f"session {number + 1} of {options.sessions}: {kinds[-1]}", file=sys.stderr, flush=True)
        time.sleep(options.pause)
    return {
        "networks": options.networks,
        "sessions": kinds,
        "machine": this_device().cpu_model,
        "gaps_percent": {name: gaps([t[name] for t in told], kinds) for name in told[0]},
    }


def gaps(told: Sequence[NDArray[np.float64]], kinds: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return median and largest gap of a subject, over all pairs of sessions of each two kinds."""
    by_kinds: dict[str, list[NDArray[np.float64]]] = {}
    for i, j in itertools.combinations(range(len(told)), 2):
        by_kinds.setdefault(", ".join(sorted((kinds[i], kinds[j]), reverse=True)), []).append(np.abs(told[i] - told[j]))
    return {
        pair: {
            "median": round(100 * float(np.median(values)), 2),
            "largest": round(100 * float(np.mean([v.max() for v in values])), 2),
        }
        for pair, values in by_kinds.items()
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the median gaps of each statistic by kinds of sessions."""
    names = sorted(result["gaps_percent"], key=lambda n: result["gaps_percent"][n]["quiet, quiet"]["median"])
    pairs = list(result["gaps_percent"][names[0]])
    figure, axis = plt.subplots(figsize=(9, 8), layout="constrained")
    for pair, marker in zip(pairs, "osD^", strict=False):
        axis.plot([result["gaps_percent"][n][pair]["median"] for n in names], names, marker, label=pair)
    axis.set(xscale="log", xlabel="median gap between two sessions, %", title=result["machine"])
    axis.grid(axis="both", alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--networks", type=int, default=16, help="random networks of the digits' space")
    parser.add_argument("--sessions", type=int, default=6, help="every second one beside the neighbour")
    parser.add_argument("--pause", type=float, default=10.0, help="seconds between two sessions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the gaps")
    options = parser.parse_args()
    result = measure(options)
    if options.picture is not None:
        draw(result, options.picture)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    pairs = list(next(iter(result["gaps_percent"].values())))
    table = Table(title="gap between two sessions in %, median and largest")
    for name in ("statistic", *pairs):
        table.add_column(name, justify="left" if name == "statistic" else "right")
    ranked = sorted(result["gaps_percent"].items(), key=lambda item: item[1]["quiet, quiet"]["median"])
    for name, found in ranked:
        table.add_row(name, *(f"{found[p]['median']:.2f}, {found[p]['largest']:.2f}" for p in pairs))
    Console().print(table)


if __name__ == "__main__":
    main()
