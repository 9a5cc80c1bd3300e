"""Matrix products of large-model serving: an H200's table from other GPUs' tables and a few of its own rows.

Files ``<gpu>__<framework>-<version>__gemm_perf.parquet`` and the sheets ``<gpu>.yaml`` of NVIDIA's aiconfigurator. The
device to predict is an H200 where there is one, else each in turn; the known device is the one whose sheet is nearest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import OmegaConf

from benchmarks.latency_prediction.roofline import SpecSheet, roofline_ms, transfer_log_ratio
from benchmarks.latency_prediction.rows import Progress, Row, mape
from benchmarks.latency_prediction.table_transfer import KernelTable, TableTransfer
from search_space.errors import ProfileError

Floats = NDArray[np.float64]
PRECISION = "bfloat16"
_BYTES = 2
_TARGET = "h200"
_TEST_ROWS = 5000
_COVERAGE = 0.9
_SIZES = ["m", "n", "k"]
_TILE = 128
BEST_KNOWN = {0: 12.0, 20: 12.0, 100: 7.4, 500: 5.3}


@dataclass(frozen=True, kw_only=True, slots=True)
class Gemms:
    """One GPU's table: sizes ``(n, 3)`` as m, n, k and latency ``(n,)`` in ms."""

    sheet: SpecSheet
    sizes: Floats
    latency_ms: Floats


def rows(folder: Path, *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Yield the rows of every GPU to predict in ``folder``."""
    tables = [read(path) for path in sorted(folder.glob("*__gemm_perf.parquet"))]
    tables = [table for table in tables if len(table.latency_ms)]
    targets = [table for table in tables if table.sheet.name.startswith(_TARGET)] or tables
    for target in targets:
        sources = [table for table in tables if table.sheet.name != target.sheet.name]
        if not sources:
            progress(f"aiconfigurator: skipped {target.sheet.name}, no other GPU's table to start from")
            continue
        yield from _target_rows(target, sources, seeds=seeds, progress=progress)


def read(path: Path) -> Gemms:
    """Read one table and its GPU's sheet; repeated sizes are averaged."""
    gpu = path.name.split("__")[0]
    frame = pd.read_parquet(path)
    missing = {*_SIZES, "latency", "gemm_dtype"} - set(frame.columns)
    if missing:
        raise ProfileError(
            str(path), expected="a gemm table", got=f"no column {', '.join(sorted(missing))}", remedy="check the file"
        )
    frame = frame[(frame["gemm_dtype"] == PRECISION) & (frame["latency"] > 0)]
    means = frame.groupby(_SIZES)["latency"].mean().reset_index()
    return Gemms(
        sheet=_sheet(path.parent / f"{gpu}.yaml", gpu),
        sizes=means[_SIZES].to_numpy(float),
        latency_ms=means["latency"].to_numpy(float),
    )


def _sheet(path: Path, gpu: str) -> SpecSheet:
    if not path.is_file():
        raise ProfileError(str(path), expected="the GPU's sheet", got="no file", remedy="add it beside the table")
    data = cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.load(path)))["gpu"]
    flops = float(data[f"{PRECISION}_tc_flops"])
    return SpecSheet(name=gpu, bandwidth=float(data["mem_bw"]), flops=flops, vector_flops=flops)


def work(sizes: Floats) -> tuple[Floats, Floats]:
    """Return FLOPs and bytes ``(n,)`` of products of ``sizes``."""
    m, n, k = sizes.T
    return 2.0 * m * n * k, _BYTES * (m * k + n * k + m * n)


def _bound(sizes: Floats, sheet: SpecSheet) -> Floats:
    flops, moved = work(sizes)
    return roofline_ms(flops=flops, bytes_moved=moved, sheet=sheet)


def _distance(one: SpecSheet, other: SpecSheet) -> float:
    return abs(float(np.log(one.bandwidth / other.bandwidth))) + abs(float(np.log(one.flops / other.flops)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is known of each of a target's kernels before any of them was measured, and the truth."""

    features: Floats
    prior: Floats
    source_ms: Floats
    measured_ms: Floats


def problem(target: Gemms, sources: Sequence[Gemms]) -> Problem:
    """Return features ``(n, d)``, prior ``(n,)`` and the known device's latency ``(n,)`` of ``target``'s kernels."""
    near, *others = sorted(sources, key=lambda table: _distance(table.sheet, target.sheet))
    sizes = target.sizes
    flops, moved = work(sizes)
    bound = _bound(sizes, near.sheet)
    table = KernelTable(near.sizes, latency_ms=near.latency_ms, bound_ms=_bound(near.sizes, near.sheet))
    source_ms = table.predict(sizes, bound_ms=bound)
    prior = transfer_log_ratio(
        flops=flops, bytes_moved=moved, source_ms=source_ms, source=near.sheet, target=target.sheet
    )
    m, n, k = sizes.T
    waves = np.ceil(m / _TILE) * np.ceil(n / _TILE)
    columns = [
        *np.log2(sizes.T),
        np.log2(n * k),
        np.log2(m * n),
        np.log(waves),
        np.log(1e3 * moved / near.sheet.bandwidth / source_ms),
        np.log(1e3 * flops / near.sheet.flops / source_ms),
        np.log(bound / source_ms),
        np.log(source_ms),
        prior,
        (m % 16 > 0).astype(float),
        table.deviation(sizes, latency_ms=source_ms, bound_ms=bound),
    ]
    for other in others:
        known = KernelTable(other.sizes, latency_ms=other.latency_ms, bound_ms=_bound(other.sizes, other.sheet))
        columns.append(np.log(known.predict(sizes, bound_ms=_bound(sizes, other.sheet)) / source_ms))
    return Problem(features=np.column_stack(columns), prior=prior, source_ms=source_ms, measured_ms=target.latency_ms)


def _target_rows(target: Gemms, sources: Sequence[Gemms], *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    data = f"aiconfigurator/{target.sheet.name}"
    task = problem(target, sources)
    log_ratio = np.log(task.measured_ms / task.source_ms)
    for samples, best_known in BEST_KNOWN.items():
        errors, as_is, covered = [], [], []
        for seed in seeds:
            order = np.random.default_rng(seed).permutation(len(log_ratio))
            train, test = order[:samples], order[samples : samples + _TEST_ROWS]
            if len(test) == 0:
                break
            if samples == 0:
                predicted = task.prior[test]
                as_is.append(mape(task.source_ms[test], task.measured_ms[test]))
            else:
                model = TableTransfer(seed=seed).fit(task.features[train], log_ratio[train], prior=task.prior[train])
                predicted = model.predict(task.features[test], prior=task.prior[test])
                bounds = model.predict_interval(task.features[test], prior=task.prior[test], coverage=_COVERAGE)
                truth = log_ratio[test]
                covered.append(100.0 * float(np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1]))))
            errors.append(mape(np.exp(predicted) * task.source_ms[test], task.measured_ms[test]))
        progress(f"{data}: n={samples} done")

        def row(protocol: str, metric: str, values: Sequence[float], best: float | None) -> Row:
            return Row(
                data=data,
                protocol=protocol,
                device=target.sheet.name,
                metric=metric,
                value=float(np.mean(values)),
                best_known=best,
            )

        if as_is:
            yield row("gemm bf16, nearest table as is", "mape", as_is, best_known)
        if errors:
            yield row(f"gemm bf16, n={samples}", "mape", errors, best_known)
        if covered:
            yield row(f"gemm bf16, n={samples}", "coverage_90", covered, None)
