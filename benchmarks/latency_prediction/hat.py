"""HAT: encoder-decoder transformers for translation on a Raspberry Pi, a Xeon and a TITAN Xp (Wang et al. 2020).

The target is the latency of encoder plus decoder. Of a file's 2,000 rows, in an order shuffled by the seed, 1,600
train, 200 validate and the last 200 test; a value is the mean over seeds. Rows stand in the order in which they were
measured, and the machines drifted: the drift is divided out of the *training* rows, and nothing is known about it in a
test row. ``drift known`` measures what is left when it is: the noise floor beside the error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.latency_prediction.additive import AdditiveRegressor
from benchmarks.latency_prediction.rows import Progress, Row, mape
from predictors.few_shot import FewShotRegressor

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
TRAIN, VALIDATION = 0.8, 0.1
FEW = (20, 50)
FOLDS = 5
# By file and protocol.
BEST_KNOWN = {
    ("wmt14ende_cpu_raspberrypi", "full"): 3.80,
    ("wmt14ende_cpu_xeon", "full"): 4.79,
    ("wmt14ende_gpu_titanxp", "full"): 5.00,
    ("wmt14enfr_cpu_raspberrypi", "full"): 0.57,
    ("wmt14enfr_gpu_titanxp", "full"): 1.62,
    ("iwslt14deen_gpu_titanxp", "full"): 6.98,
    ("wmt14ende_cpu_xeon", "n=20"): 7.1,
    ("wmt14ende_cpu_xeon", "n=50"): 5.5,
}


def terms(frame: pd.DataFrame) -> tuple[Floats, list[int]]:
    """Return the cost terms ``(n, d)``, each at most about 1, and their groups: decoder, encoder, further products.

    The decoder runs a step a token and dominates. Averages over layers times the number of layers are sums, which is
    what costs time.
    """

    def share(column: str) -> Floats:
        values = frame[column].to_numpy(float)
        return values / max(float(values.max()), 1e-9)

    width, depth = share("decoder_embed_dim"), share("decoder_layer_num")
    encoder_width, encoder_depth = share("encoder_embed_dim"), share("encoder_layer_num")
    ratio, heads = share("decoder_ffn_embed_dim_avg"), share("decoder_self_attention_heads_avg")
    cross_heads, reach = share("decoder_ende_attention_heads_avg"), share("decoder_arbitrary_ende_attn_avg")
    encoder_ratio, encoder_heads = share("encoder_ffn_embed_dim_avg"), share("encoder_self_attention_heads_avg")
    decoder = [width, np.ones(len(frame)), depth, depth * ratio, depth * heads, depth * cross_heads, depth * reach]
    encoder = [encoder_width, encoder_depth * encoder_ratio, encoder_depth * encoder_heads]
    products = [
        encoder_depth * encoder_ratio * encoder_width,
        depth * encoder_width,
        depth * reach * encoder_width,
        depth**2,
    ]
    groups = [0] * len(decoder) + [1] * len(encoder) + [2] * len(products)
    return np.column_stack([*decoder, *encoder, *products]), groups


def ratios(features: Floats) -> Floats:
    """Return further terms: squares of the decoder's sums a layer, and its sums times the encoder's width."""
    depth, sums = features[:, 2:3], features[:, 3:7]
    return np.column_stack([sums**2 / depth, sums[:, :1] * sums[:, 3:] / depth, sums[:, :3] * features[:, 7:8]])


def best_design(designs: Sequence[Floats], latency: Floats, train: Integers) -> Floats:
    """Return the design of the least error in cross-validation on the training rows, their drift divided out."""
    drift = AdditiveRegressor(by=0).fit(designs[0][train], latency[train], time=train).drift_
    target = latency[train] / drift
    folds = np.arange(len(train)) % FOLDS
    errors = []
    for design in designs:
        predicted = np.zeros(len(train))
        for fold in range(FOLDS):
            model = AdditiveRegressor(by=0).fit(design[train[folds != fold]], target[folds != fold])
            predicted[folds == fold] = model.predict(design[train[folds == fold]])
        errors.append(mape(predicted, target))
    return designs[int(np.argmin(errors))]


def file_rows(path: Path, *, seeds: Sequence[int]) -> Iterator[Row]:
    """Yield the rows of one device and task."""
    frame = pd.read_csv(path)
    name = path.stem.removesuffix("_all")
    latency = (frame["latency_mean_encoder"] + frame["latency_mean_decoder"]).to_numpy(float)
    features, groups = terms(frame)
    width = features[:, :1]
    designs = (features, np.column_stack([features, ratios(features)]))
    few_features = np.column_stack([features, features[:, 2:7] * width])
    few_groups = [*groups, *[2] * 5]
    train_size, test_start = (round(len(frame) * share) for share in (TRAIN, TRAIN + VALIDATION))
    errors: dict[str, list[float]] = {}
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(frame))
        train, test = order[:train_size], order[test_start:]
        design = best_design(designs, latency, train)
        model = AdditiveRegressor(by=0).fit(design[train], latency[train], time=train)
        predicted = model.predict(design[test])
        errors.setdefault("full", []).append(mape(predicted, latency[test]))
        drift = np.interp(test, np.sort(train), model.drift_[np.argsort(train)])
        errors.setdefault("full, drift known", []).append(mape(predicted * drift, latency[test]))
        for n in FEW:
            few = FewShotRegressor(groups=few_groups).fit(few_features[train[:n]], latency[train[:n]])
            errors.setdefault(f"n={n}", []).append(mape(few.predict(few_features[test]), latency[test]))
    for protocol, values in errors.items():
        yield Row(
            data="hat",
            protocol=protocol,
            device=name,
            metric="mape",
            value=float(np.mean(values)),
            best_known=BEST_KNOWN.get((name, protocol)),
        )


def rows(folder: Path, *, seeds: Sequence[int], progress: Progress) -> Iterator[Row]:
    """Yield the rows of every file."""
    for path in sorted(folder.glob("*_all.csv")):
        yield from file_rows(path, seeds=seeds)
        progress(f"{path.stem} done")
