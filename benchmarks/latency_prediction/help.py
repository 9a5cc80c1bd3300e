"""HELP's latencies of NAS-Bench-201 and FBNet networks (Lee et al. 2021), with the device sets of HELP and NASFLAT.

The target device gives 10 or 20 measurements; source devices give theirs on the training architectures, from which an
additive model predicts them on all others. Ranks are what a search needs, and what is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.latency_prediction.convolutional import choices, one_hot, pairs, terms
from benchmarks.latency_prediction.rows import Progress, Row, mean_row, spearman
from predictors.adaptation import DeviceAdapter

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
# Penalty of the source devices' models, in rows, and the weight of pairs of choices beside single ones.
_PENALTY, _PAIR_WEIGHT = 2.0, 0.5
_TRIM = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSet:
    """Sources, targets and rows of one protocol.

    ``source_rows`` random networks are known of each source; 0 stands for the first ``train`` ones, of which the
    target's samples are drawn as well, the test being the following ``test``. ``trim`` drops the target's extremes.
    """

    name: str
    space: str
    samples: int
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    best_known: float
    train: int = 0
    test: int = 0
    source_rows: int = 0

    @property
    def trim(self) -> bool:
        """Whether the target's fastest and slowest networks are left out."""
        return self.source_rows == 0


_HELP = (
    "1080ti_1",
    "1080ti_32",
    "silver_4114",
    "silver_4210r",
    "samsung_a50",
    "pixel3",
    "essential_ph_1",
    "samsung_s7",
)
SETS = (
    DeviceSet(
        name="ND n=10",
        space="nasbench201",
        samples=10,
        sources=(*_HELP, "1080ti_256"),
        targets=("titan_rtx_256", "gold_6226", "fpga", "pixel2", "raspi4", "eyeriss"),
        best_known=0.932,
        train=900,
        test=1000,
    ),
    DeviceSet(
        name="FD n=10",
        space="fbnet",
        samples=10,
        sources=(*_HELP, "1080ti_64"),
        targets=("fpga", "raspi4", "eyeriss"),
        best_known=0.915,
        train=4000,
        test=1000,
    ),
    DeviceSet(
        name="F2 n=20",
        space="fbnet",
        samples=20,
        sources=("essential_ph_1", "gold_6226", "gold_6240", "pixel3", "raspi4"),
        targets=("1080ti_1", "1080ti_32", "2080ti_32", "titan_rtx_1", "titanxp_1"),
        best_known=0.896,
        source_rows=800,
    ),
    DeviceSet(
        name="F3 n=20",
        space="fbnet",
        samples=20,
        sources=("essential_ph_1", "pixel2", "pixel3", "raspi4", "samsung_s7"),
        targets=("1080ti_1", "1080ti_32", "2080ti_1", "titan_rtx_1", "titan_rtx_32"),
        best_known=0.894,
        source_rows=800,
    ),
)


def source_latencies(indicators: Floats, known: Floats, train: Integers) -> Floats:
    """Return each source's latency on all networks ``(n, k)``, by ridge regression on its ``train`` rows."""
    center, level = indicators[train].mean(axis=0), known[train].mean(axis=0)
    design = indicators - center
    rows = design[train]
    coefficients = np.linalg.solve(rows.T @ rows + _PENALTY * np.eye(rows.shape[1]), rows.T @ (known[train] - level))
    result: Floats = design @ coefficients + level
    return result


def trimmed(latency: Floats, rows: Integers) -> Integers:
    """Return ``rows`` without the fastest and the slowest tenth."""
    low, high = np.quantile(latency[rows], [_TRIM, 1.0 - _TRIM])
    return rows[(latency[rows] >= low) & (latency[rows] <= high)]


def set_rows(frame: pd.DataFrame, devices: DeviceSet, *, data: str, seeds: Sequence[int]) -> Iterator[Row]:
    """Yield a row for every target and their mean."""
    space = choices(frame)
    assert space is not None
    indicators = one_hot(space[1])
    if devices.space == "nasbench201":
        indicators = np.column_stack([indicators, _PAIR_WEIGHT * pairs(indicators)])
    features = terms(*space)
    features = np.column_stack([np.ones(len(frame)), features - features.mean(axis=0)])
    known = frame[[s for s in devices.sources if s in frame]].to_numpy(float)
    everything = np.arange(len(frame))
    train, test = everything[: devices.train], everything[devices.train : devices.train + devices.test]
    ranks: dict[str, list[float]] = {target: [] for target in devices.targets if target in frame}
    adapter = DeviceAdapter(
        num_known=known.shape[1], learned=False, relative=False, spreads=(0.05, 0.2, 1.0), noises=(0.01, 0.03, 0.1, 0.3)
    )
    sources = source_latencies(indicators, known, train) if devices.trim else np.zeros(0)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        if not devices.trim:
            train = rng.permutation(len(frame))[: devices.source_rows]
            sources = source_latencies(indicators, known, train)
        rows = np.column_stack([sources, features])
        for target, of_target in ranks.items():
            latency = frame[target].to_numpy(float)
            pool, held_out = (trimmed(latency, train), trimmed(latency, test)) if devices.trim else (everything,) * 2
            sample = np.random.default_rng(seed).permutation(pool)[: devices.samples]
            held_out = np.setdiff1d(held_out, sample)
            adapter.fit(rows[sample], latency[sample], pool=rows[train])
            of_target.append(spearman(adapter.predict(rows[held_out]), latency[held_out]))
    rows = [
        Row(data=data, protocol=devices.name, device=target, metric="spearman", value=float(np.mean(values)))
        for target, values in ranks.items()
    ]
    yield from rows
    if rows:
        yield mean_row(rows, best_known=devices.best_known if len(rows) == len(devices.targets) else None)


def rows(folder: Path, *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Yield the rows of every latency table, with every device set of its space."""
    for path in sorted(folder.glob("*.parquet")):
        frame = pd.read_parquet(path)
        space = choices(frame)
        if space is None:
            progress(f"{path.name}: skipped, neither NAS-Bench-201 nor FBNet columns")
            continue
        for devices in SETS:
            sources = [source for source in devices.sources if source in frame]
            if devices.space == space[0] and len(sources) > 1 and len(frame) > devices.train:
                yield from set_rows(frame, devices, data=path.stem.removesuffix("_latency_ms"), seeds=seeds)
                progress(f"{path.stem}: {devices.name} done")
