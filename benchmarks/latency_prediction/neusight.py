"""Whole models on GPUs that only their specification sheets tell of: NeuSight's measurements.

Operators measured on the training GPUs teach efficiencies; a model's latency is the sum of its operators', listed from
its configuration. Rows of ``e2e_models.csv`` that the paper marks as out of distribution are predicted, those without
kernel fusion or several GPUs. No measurement of a whole model enters the fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.latency_prediction.kernels import GemmPredictor, Gemms, StreamPredictor, Streams
from benchmarks.latency_prediction.operator_tape import Gemm, Op, Stream
from benchmarks.latency_prediction.roofline import SpecSheet
from benchmarks.latency_prediction.rows import Progress, Row, mape
from benchmarks.latency_prediction.transformer_ops import operators
from search_space.errors import ProfileError

Floats = NDArray[np.float64]
BEST_KNOWN = {"inf": 7.0, "train": 7.5}
_NAMES = {"inf": "inference", "train": "training"}
# Back to back on a busy device the host's launches hide behind the kernels before; filling and draining it remain. The
# value is the one of least error on the whole models that are not out of distribution.
_GAP_MS = 0.013
_GEMMS = ("linear", "bmm")
# Passes over (B, H) of a measured operator: operands read and the result written.
_PASSES = {"add": 3, "div": 3, "mul": 3, "pow": 3, "softmax": 2, "ln": 2}
_FAMILY = {"softmax": "softmax", "ln": "norm"}
_FLOAT_BYTES = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ZeroShot:
    """The fitted predictors of operators."""

    gemms: GemmPredictor
    streams: dict[str, StreamPredictor]

    def latency_ms(self, ops: Sequence[Op], sheet: SpecSheet) -> float:
        """Return the sum over ``ops`` on ``sheet``'s device."""
        products = [op for op in ops if isinstance(op, Gemm)]
        total = 0.0
        if products:
            sizes = np.array([(op.batch, op.m, op.n, op.k) for op in products], float).T
            shapes = Gemms(batch=sizes[0], m=sizes[1], n=sizes[2], k=sizes[3])
            each = self.gemms.predict(shapes, sheet=sheet, launch_ms=_GAP_MS)
            total += float(each @ np.array([op.count for op in products], float))
        for family in sorted({op.family for op in ops if isinstance(op, Stream)}):
            kernels = [op for op in ops if isinstance(op, Stream) and op.family == family]
            size = np.array([(op.bytes_moved, op.width) for op in kernels], float).T
            streams = Streams(bytes_moved=size[0], width=size[1])
            each = self.streams[family].predict(streams, sheet=sheet, launch_ms=_GAP_MS)
            total += float(each @ np.array([op.count for op in kernels], float))
        return total


def rows(folder: Path, *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Yield the rows of ``folder``; nothing is drawn, so ``seeds`` do not matter."""
    sheets = read_sheets(folder / "device_configs.csv")
    configs = json.loads((folder / "model_configs.json").read_text())
    model = fit(read_operators(folder / "ops_nvidia.parquet"), sheets)
    runs = pd.read_csv(folder / "e2e_models.csv", dtype={"mode": str})  # Else "inf" is read as infinity.
    runs = runs[runs["OOD"].astype(bool) & runs["option"].isna()]
    for mode, best_known in BEST_KNOWN.items():
        chosen = runs[runs["mode"] == mode]
        if chosen.empty:
            continue
        predicted = predict_runs(chosen, model, sheets, configs)
        measured = chosen["label_all_e2e_latency"].to_numpy(float)
        protocol = f"whole models, {_NAMES[mode]}"
        for device in sorted(chosen["device"].unique()):
            mask = (chosen["device"] == device).to_numpy()
            yield _row(protocol, device, mape(predicted[mask], measured[mask]))
        # The published value is a mean over runs, not over devices.
        yield _row(protocol, "mean", mape(predicted, measured), best_known)
        factor = model.gemms.interval_factor(0.9)
        inside = (predicted / factor <= measured) & (measured <= predicted * factor)
        yield replace(_row(protocol, "mean", 100.0 * float(inside.mean())), metric="coverage_90")


def _row(protocol: str, device: str, value: float, best_known: float | None = None) -> Row:
    return Row(data="neusight", protocol=protocol, device=device, metric="mape", value=value, best_known=best_known)


def read_sheets(path: Path) -> dict[str, SpecSheet]:
    """Read the sheets by device name, spaces as underscores; of repeated names the first."""
    sheets: dict[str, SpecSheet] = {}
    for _, line in pd.read_csv(path).iterrows():
        name = str(line["Device"]).replace(" ", "_")
        flops = line["SingleFLOPs"] if np.isfinite(line["SingleFLOPs"]) else line["SingleFLOPsMM"]
        vector = line["SingleFLOPs"] if np.isfinite(line["SingleFLOPs"]) else line["SingleFLOPsVEC"]
        sheet = SpecSheet(
            name=name,
            bandwidth=1e9 * float(line["Mem_Bw"]),
            flops=1e9 * float(flops),
            vector_flops=1e9 * float(vector),
            cores=int(line["Num_Sm"]),
            clock_hz=1e6 * float(line["Freq"]),
            cache_bytes=2.0**20 * float(line["L2Cache"]),
        )
        sheets.setdefault(name, sheet)
    return sheets


def read_operators(path: Path) -> pd.DataFrame:
    """Read the operators of the training GPUs."""
    frame = pd.read_parquet(path)
    frame = frame[(frame["split"] == "train") & (frame["Latency"] > 0)].copy()
    frame["Device"] = frame["Device"].astype(str).str.replace(" ", "_")
    frame["OPName"] = frame["OPName"].astype(str)
    return frame


def fit(frame: pd.DataFrame, sheets: dict[str, SpecSheet]) -> ZeroShot:
    """Fit on operators ``frame`` of devices in ``sheets``."""
    products, streams = [], dict[str, list[tuple[SpecSheet, Streams, Floats]]]()
    for device, part in frame.groupby("Device"):
        sheet = _sheet(str(device), sheets)
        gemms = part[part["OPName"].isin(_GEMMS)]
        shape = {c.lower(): gemms[c].to_numpy(float) for c in ("M", "N", "K")}
        products.append((sheet, Gemms(batch=gemms["B"].to_numpy(float), **shape), gemms["Latency"].to_numpy(float)))
        rest = part[~part["OPName"].isin(_GEMMS)].astype({"B": float, "H": float})
        passes = rest["OPName"].map(_PASSES).fillna(2.0).to_numpy(float)
        moved = _FLOAT_BYTES * passes * rest["B"].to_numpy(float) * rest["H"].to_numpy(float)
        family = rest["OPName"].map(_FAMILY).fillna("elementwise").to_numpy()
        numbers, width = (rest["B"] * rest["H"]).to_numpy(float), rest["H"].to_numpy(float)
        # Elementwise kernels see one long row, read in vectors of four where its length allows.
        width = np.where(family == "elementwise", np.where(numbers % 4 == 0, 4.0, 1.0), width)
        for name in np.unique(family):
            mask = family == name
            kernels = Streams(bytes_moved=moved[mask], width=width[mask])
            streams.setdefault(str(name), []).append((sheet, kernels, rest["Latency"].to_numpy(float)[mask]))
    return ZeroShot(
        gemms=GemmPredictor().fit(products),
        streams={name: StreamPredictor().fit(measured) for name, measured in streams.items()},
    )


def _sheet(device: str, sheets: dict[str, SpecSheet]) -> SpecSheet:
    if device not in sheets:
        raise ProfileError(device, expected="a line of device_configs.csv", got="none", remedy="add its sheet")
    return sheets[device]


def predict_runs(runs: pd.DataFrame, model: ZeroShot, sheets: dict[str, SpecSheet], configs: dict[str, Any]) -> Floats:
    """Return latencies ``(runs,)`` in ms."""
    values = []
    for _, run in runs.iterrows():
        name = str(run["model_name"])
        if name not in configs:
            raise ProfileError(name, expected="a configuration", got="none", remedy="add it to model_configs.json")
        passes = operators(
            configs[name], batch=int(run["batch"]), length=int(run["seqlen"]), train=run["mode"] == "train"
        )
        values.append(model.latency_ms(list(passes.all), _sheet(str(run["device"]), sheets)))
    return np.array(values)
