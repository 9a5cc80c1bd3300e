"""HW-GPT-Bench: GPT networks of two or three scales on 14 devices (Sukthanker et al. 2024).

Rows 0 to 7999 train, 8000 to 9999 test. A network is ``embed_dim``, ``n_layer``, ``bias`` and per layer a number of
heads and an MLP ratio; its latency is a sum over layers, so the counts of heads and ratios are all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.latency_prediction.additive import AdditiveRegressor
from benchmarks.latency_prediction.rows import Progress, Row, grouped, mape, mean_row
from predictors.adaptation import DeviceAdapter
from predictors.few_shot import FewShotRegressor

Floats = NDArray[np.float64]
TRAIN, TEST = 8000, 2000
QUIET = ("P100", "a40", "a6000", "a100", "h100")
PREFIX = "lat_med_"
FEW, NEW = (20, 50), (5, 10, 20)
# Mean over the quiet GPUs and the scales s and m.
BEST_KNOWN = {"full": 0.238, "n=20": 0.763, "n=50": 0.492, "new device n=5": 1.21, "new device n=10": 0.833} | {
    "new device n=20": 0.658
}


class Networks:
    """A scale file's networks as numbers.

    ``additive`` ``(n, d)`` has a term for each choice, for one width at a time (column 0 is the width); ``terms``
    ``(n, d)`` are few physical ones, each at most 1, in ``groups``: the costs, those of biases, and further products.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        heads, ratios = (_layers(frame[column]) for column in ("n_head", "mlp_ratio"))
        width, depth = frame["embed_dim"].to_numpy(float), frame["n_layer"].to_numpy(float)
        bias = frame["bias"].to_numpy(float)
        one = np.ones(len(frame))
        counts = np.column_stack([_counts(heads), _counts(ratios)])
        depths = (depth[:, None] == np.unique(depth)).astype(float)
        self.additive = np.column_stack(
            [width, depths, counts, bias, bias * depth, bias[:, None] * counts]  # width stands in for the constant
        )
        e, layers = width / width.max(), depth / depth.max()
        h, r = (np.nansum(x, axis=1) / (np.nanmax(x) * depth.max()) for x in (heads, ratios))
        costs = [one, e, layers, layers * e, layers * e**2, h, h * e, r * e, r * e**2]
        of_bias = [bias * layers, bias * layers * e, bias * r * e]
        others = [e**2, r, h * e**2, bias, bias * e, bias * h, bias * r * e**2, bias * layers * e**2]
        self.terms = np.column_stack([*costs, *of_bias, *others])
        self.groups = [0] * len(costs) + [1] * len(of_bias) + [2] * len(others)


def _layers(texts: pd.Series[str]) -> Floats:
    """Return ``4-12-12`` a network as ``(n, depth)``, NaN after the last layer."""
    lists = [[float(part) for part in text.split("-")] for text in texts]
    result = np.full((len(lists), max(map(len, lists))), np.nan)
    for row, values in zip(result, lists, strict=True):
        row[: len(values)] = values
    return result


def _counts(layers: Floats) -> Floats:
    """Return how often a network has each value, ``(n, values)``."""
    values = np.unique(layers[np.isfinite(layers)])
    result: Floats = (layers[:, :, None] == values).sum(axis=1).astype(float)
    return result


def scale_rows(path: Path, *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Yield every protocol's row of every device of one scale file."""
    frame = pd.read_parquet(path).iloc[: TRAIN + TEST]
    networks = Networks(frame)
    split = max(len(frame) * TRAIN // (TRAIN + TEST), 1)
    latency = {c.removeprefix(PREFIX): frame[c].to_numpy(float) for c in frame.columns if c.startswith(PREFIX)}
    # A device that was not measured here at all, or on the training rows alone, has no row.
    latency = {d: v for d, v in latency.items() if np.isfinite(v[:split]).any() and np.isfinite(v[split:]).any()}

    def scored(device: str, protocol: str, predictions: Sequence[Floats]) -> Row:
        measured = latency[device][split:]
        known = np.isfinite(measured)
        value = float(np.mean([mape(p[known], measured[known]) for p in predictions]))
        return Row(data=path.stem, protocol=protocol, device=device, metric="mape", value=value)

    fitted: dict[str, Floats] = {}
    for device, values in latency.items():
        train = np.flatnonzero(np.isfinite(values[:split]))
        model = AdditiveRegressor(by=0).fit(networks.additive[train], values[train])
        fitted[device] = model.predict(networks.additive)
        yield scored(device, "full", [fitted[device][split:]])
    for device, values in latency.items():
        train = np.flatnonzero(np.isfinite(values[:split]))
        draws = {seed: np.random.default_rng(seed).permutation(train) for seed in seeds}
        for n in FEW:
            few = FewShotRegressor(groups=networks.groups)
            predictions = [
                few.fit(networks.terms[draw[:n]], values[draw[:n]]).predict(networks.terms[split:])
                for draw in draws.values()
            ]
            yield scored(device, f"n={n}", predictions)
        if len(latency) < 3:
            continue
        known = np.column_stack([fitted[other] for other in latency if other != device])
        rows = np.column_stack([known, networks.terms])
        adapter = DeviceAdapter(num_known=known.shape[1])
        for n in NEW:
            predictions = []
            for draw in draws.values():
                adapter.fit(rows[draw[:n]], values[draw[:n]], pool=rows[:split])
                predictions.append(adapter.predict(rows[split:]))
            yield scored(device, f"new device n={n}", predictions)
        progress(f"{path.stem}: {device} done")


def rows(folder: Path, *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Yield the rows of every scale file, their means over the quiet GPUs, and those over all scales."""
    quiet: list[Row] = []
    for path in sorted(folder.glob("hwgpt_*.parquet")):
        if path.stem.endswith("_repeats"):
            continue
        of_scale = list(scale_rows(path, seeds=seeds, progress=progress))
        yield from of_scale
        of_quiet = [row for row in of_scale if row.device in QUIET]
        quiet += of_quiet
        for protocol, group in grouped(of_quiet).items():
            yield mean_row(group, best_known=BEST_KNOWN[protocol])
    for protocol, group in grouped(quiet).items():
        yield mean_row(group, data="hwgpt", best_known=BEST_KNOWN[protocol])
