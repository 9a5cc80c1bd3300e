"""How well a device is known from some twenty measurements of it and the profile of another one.

``python -m benchmarks.new_device`` takes pairs of profiles of one space, the shipped ones and two older ones in
``benchmarks/profiles``. Of the second profile of a pair it reveals only ``--samples`` blocks and networks, those that
``nasweave profile adapt=`` would choose among three quarters of its networks, drawn anew for each seed. The networks
that were not revealed are the test: mean absolute percentage error, rank correlation, how often the 90 % intervals hold
and their median ratio of ends. Beside it: the known device's own predictions times one factor (the median of the
revealed ratios), and a profile of the revealed samples alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_module
from numpy.typing import NDArray
from omegaconf import OmegaConf
from scipy.stats import spearmanr

from hardware_profiles import Profile
from hardware_profiles.devices import shipped
from predictors import LatencyPredictor
from predictors.new_device import adapt_profile, choose_samples
from search_space import SearchSpace, space_from_mapping
from search_space.errors import NasweaveError
from supernet import catalogue
from supernet.tasks import TASKS

__all__ = ["PAIRS", "evaluate", "load", "space_of"]

Floats = NDArray[np.float64]
_OLDER = Path(__file__).parent / "profiles"
_COVERAGE = 0.9
PAIRS = (
    ("amd_epyc_2c_torch_t1_vit_tiny", "amd_epyc_2c_torch_t2_vit_tiny"),
    ("amd_epyc_2c_torch_t2_vit_tiny", "amd_epyc_2c_torch_t1_vit_tiny"),
    ("amd_epyc_2c_onnxruntime_t1_vit_tiny", "amd_epyc_2c_onnxruntime_t2_vit_tiny"),
    ("amd_epyc_2c_onnxruntime_t1_vit_tiny", "amd_epyc_2c_torch_t1_vit_tiny"),
    ("amd_epyc_2c_onnxruntime_t1_text", "intel_xeon_2c_onnxruntime_t1_text"),
    ("intel_xeon_2c_onnxruntime_t1_text", "amd_epyc_2c_onnxruntime_t1_text"),
    ("amd_epyc_2c_openvino_t1_vit_tiny", "intel_xeon_2c_openvino_t1_vit_tiny"),
)
"""Known and new device: other threads, another runtime, another processor."""


def load(name: str) -> Profile:
    """Return a shipped profile, or an older one that lies beside the benchmarks."""
    older = _OLDER / f"{name}.json"
    return Profile.load(older if older.exists() else shipped()[name])


def space_of(profile: Profile, *, data_root: Path) -> SearchSpace:
    """Return the space that the profile's provenance names."""
    told = profile.provenance
    overrides = [f"task={told['task']}", f"hardware={profile.setting.runtime}", f"space={told['space']}"]
    with initialize_config_module("hydra_conf", version_base="1.3"):
        config = OmegaConf.to_container(compose("config", overrides), resolve=True)
    assert isinstance(config, dict)
    options = {key: value for key, value in config["task"]["options"].items() if value is not None}
    data = TASKS[config["task"]["name"]].load(data_root=data_root, options=options)
    return space_from_mapping(config["space"], task=data.shape, catalogue=catalogue())


def evaluate(
    space: SearchSpace, known: Profile, new: Profile, *, samples: int, seed: int
) -> dict[str, dict[str, float]]:
    """Return the figures of one draw by method."""
    inside = [(a, m) for a, m in new.networks if a in space]
    drawn = np.random.default_rng(seed).permutation(len(inside))[: round(0.75 * len(inside))]
    chosen = set(choose_samples(space, [inside[i][0] for i in drawn], count=samples))
    revealed = replace(new, measurements=tuple(m for m in new.measurements if m.subject in chosen))
    hidden = [(a, m) for a, m in inside if a not in chosen]
    genes, measured = space.encode([a for a, _ in hidden]), np.array([m.latency_ms for _, m in hidden])
    ratio = _ratio(space, known, revealed)
    predictions: dict[str, Callable[[], tuple[Floats, Floats | None]]] = {
        "adapted": lambda: _fitted(space, adapt_profile(space, known=known, samples=revealed), genes),
        "one factor": lambda: (ratio * LatencyPredictor(space).fit(known).predict(genes), None),
        "samples alone": lambda: _fitted(space, revealed, genes),
    }
    return {name: _figures(*predict(), measured) for name, predict in predictions.items()}


def _ratio(space: SearchSpace, known: Profile, revealed: Profile) -> float:
    predicted = LatencyPredictor(space).fit(known).predict(space.encode([a for a, _ in revealed.networks]))
    return float(np.median(np.array([m.latency_ms for _, m in revealed.networks]) / predicted))


def _fitted(space: SearchSpace, profile: Profile, genes: NDArray[np.int16]) -> tuple[Floats, Floats]:
    predictor = LatencyPredictor(space).fit(profile)
    return predictor.predict(genes), predictor.predict_interval(genes, coverage=_COVERAGE)


def _figures(predicted: Floats, bounds: Floats | None, measured: Floats) -> dict[str, float]:
    found = {
        "error_percent": float(np.median(100 * np.abs(predicted / measured - 1))),
        "mape_percent": float(np.mean(100 * np.abs(predicted / measured - 1))),
        "rank": float(spearmanr(predicted, measured).statistic),
    }
    if bounds is not None:
        found["covered"] = float(np.mean((bounds[:, 0] <= measured) & (measured <= bounds[:, 1])))
        found["interval_ratio"] = float(np.median(bounds[:, 1] / bounds[:, 0]))
    return found


def _mean(draws: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([draw[name] for draw in draws])), 4) for name in draws[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--data-root", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, help="write the figures to this JSON file")
    options = parser.parse_args()
    rows = []
    for names in PAIRS:
        known, new = map(load, names)
        try:
            space = space_of(new, data_root=options.data_root)
        except NasweaveError as error:
            print(f"{names[0]} -> {names[1]}: left out, {error}")
            continue
        draws = [evaluate(space, known, new, samples=options.samples, seed=seed) for seed in range(options.seeds)]
        for method in draws[0]:
            figures = _mean([draw[method] for draw in draws])
            rows.append({"known": names[0], "new": names[1], "method": method, **figures})
            told = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
            print(f"{names[0]:36} -> {names[1]:36} {method:14} {told}", flush=True)
    if options.output is not None:
        result = {"samples": options.samples, "seeds": options.seeds, "rows": rows}
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
