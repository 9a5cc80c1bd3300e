"""How far networks of a task come in rounds under each optimiser and rate: what a search in fidelities trains with.

``python -m benchmarks.optimizers --task TASK`` trains networks of several latencies from the same random weights and
batches, and tells the validation error after each round and the processor seconds of training. ``--json`` prints one
object; further words are overrides of ``nasweave run``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.anytime_setting import Setting, add_setting_arguments, open_setting
from hardware_profiles import this_device
from runs.evaluation.rounds import random_start
from runs.search.algorithms.design import skewed_sample
from search_space import Architecture
from search_space.errors import NasweaveError
from supernet.calibration import calibrate
from supernet.training import Evaluator
from supernet.training.rounds import OPTIMIZERS, RoundTraining

_POOL = 200  # random networks, of which some of several latencies are trained


def ways(text: str) -> list[tuple[str, float | None]]:
    """Return optimizers and their rates, ``None`` for that of the training; ``ValueError`` for any other."""
    found = [(name, float(rate) if rate else None) for name, _, rate in (w.partition(":") for w in text.split(","))]
    if any(name not in OPTIMIZERS or (rate is not None and not 0 < rate <= 1) for name, rate in found):
        raise ValueError(text)
    return found


def rounds(text: str) -> list[int]:
    """Return increasing numbers of steps; ``ValueError`` for others."""
    found = [int(steps) for steps in text.split(",")]
    if found[0] < 1 or sorted(set(found)) != found:
        raise ValueError(text)
    return found


def shares(text: str) -> list[float]:
    """Return numbers from 0 to below 1; ``ValueError`` for others."""
    found = [float(share) for share in text.split(",")]
    if not all(0 <= share < 1 for share in found):
        raise ValueError(text)
    return found


def networks(setting: Setting, shares: Sequence[float]) -> list[Architecture]:
    """Return random networks that are faster than ``1 - share`` of all."""
    rows = skewed_sample(setting.space, np.random.default_rng(0), _POOL)
    order = np.argsort(setting.latency.predict(rows), kind="stable")
    return setting.space.decode(rows[[order[int(share * _POOL)] for share in shares]])


def trained(
    setting: Setting, network: Architecture, *, optimizer: str, rate: float, seed: int, rounds: Sequence[int]
) -> tuple[list[float], float]:
    """Return the errors after each round and the processor seconds of all."""
    judge = Evaluator(setting.data, split=setting.data.validation)
    config = replace(setting.training, learning_rate=rate, seed=seed, checkpoint_every=10**9)
    start = random_start(setting.space, seed=seed)(network)
    training = RoundTraining(start, identity=network.key, data=setting.data, config=config, optimizer=optimizer)
    errors, seconds = [], 0.0
    for steps in rounds:
        begin = time.process_time()
        result = training.train_to(steps)
        seconds += time.process_time() - begin
        errors.append(judge(calibrate(result, setting.data)).error)
    return errors, seconds


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    torch.set_num_threads(1)
    setting = open_setting(options.task, options.override, data_root=options.data_root)
    rows = []
    for network in networks(setting, options.shares):
        for optimizer, rate in options.ways:
            found = [
                trained(
                    setting,
                    network,
                    optimizer=optimizer,
                    rate=rate or setting.training.learning_rate,
                    seed=seed,
                    rounds=options.rounds,
                )
                for seed in range(options.seeds)
            ]
            errors, seconds = np.array([e for e, _ in found]), np.mean([s for _, s in found])
            rows.append(
                {
                    "network": str(network),
                    "way": optimizer if rate is None else f"{optimizer}:{rate:g}",
                    "errors": errors.mean(axis=0).round(3).tolist(),
                    "seconds": round(float(seconds), 1),
                }
            )
    return {
        "task": options.task,
        "rounds": list(options.rounds),
        "seeds": options.seeds,
        "machine": this_device().cpu_model,
        "rows": rows,
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting_arguments(parser)
    default = "adamw,adamw:0.008,muon:0.008"
    parser.add_argument(
        "--ways", type=ways, default=ways(default), help=f"optimizer:rate, parted by commas ({default})"
    )
    parser.add_argument("--rounds", type=rounds, default=rounds("100,400"), help="their last steps (100,400)")
    parser.add_argument("--shares", type=shares, default=shares("0.05,0.35"), help="of random networks, by latency")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    try:
        result = measure(options)
    except NasweaveError as error:
        raise SystemExit(f"benchmarks.optimizers: {error}") from error
    if options.json:
        print(json.dumps(result, indent=1))
        return
    table = Table(title=f"{options.task}: validation error after rounds to {', '.join(map(str, options.rounds))} steps")
    for name in ("network", "way", "errors", "seconds"):
        table.add_column(name)
    for row in result["rows"]:
        table.add_row(*map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
