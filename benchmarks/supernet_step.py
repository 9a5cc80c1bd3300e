"""Time of a training step of a random subnet inside the supernet against a plain model of the same shape.

``python -m benchmarks.supernet_step`` prints a table, with ``--json`` one JSON object. A step is forward, loss and
backward from cleared gradients, in float32: the simulation of integer precisions, which a plain model has not, is no
part of it. The plain model of a random architecture is its extracted network, our classes with weights of exactly its
sizes; uniform networks are also compared with ones written in ``torch.nn`` alone (``benchmarks.plain_models``), which
are checked first to give the same outputs and gradients. Both models of a row take turns, and a ratio is the median
over the ratios of neighbouring steps.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.mixed_space import mixed_space
from benchmarks.plain_models import PLAIN, plain_copy
from search_space import Architecture, Layer, SearchSpace
from supernet import Supernet, extract


def stepper(
    module: nn.Module, forward: Callable[[Tensor], Tensor], inputs: Tensor, targets: Tensor
) -> Callable[[], float]:
    def step() -> float:
        module.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        F.cross_entropy(forward(inputs), targets).backward()
        return time.perf_counter() - begin

    return step


def row(
    name: str, against: str, elastic: Callable[[], float], plain: Callable[[], float], repeats: int
) -> dict[str, Any]:
    for _ in range(3):
        elastic(), plain()
    ratios, times = [], []
    for i in range(repeats):
        # Who comes first alternates, so that neither always finds the cache that the other left.
        first, second = (elastic, plain) if i % 2 else (plain, elastic)
        a, b = first(), second()
        e, p = (a, b) if i % 2 else (b, a)
        ratios.append(e / p)
        times.append(p)
    quartiles = statistics.quantiles(ratios, n=4)
    return {
        "what": name,
        "against": against,
        "ratio": round(statistics.median(ratios), 4),
        "ratio_quartiles": [round(quartiles[0], 4), round(quartiles[2], 4)],
        "plain_ms": round(1000 * statistics.median(times), 2),
    }


def uniform(space: SearchSpace, mixer: str, channel_mixer: str, *, embed_dim: int, depth: int) -> Architecture:
    layer = space.canonical_layer(Layer(mixer=mixer, num_heads=3, channel_mixer=channel_mixer, ratio=2.0))
    return Architecture(embed_dim=embed_dim, layers=(layer,) * depth)


def measure(*, shapes: int, repeats: int, batch_size: int, seed: int, threads: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    space = mixed_space()
    generator = torch.Generator().manual_seed(seed)
    supernet = Supernet(space, generator=generator)
    inputs = torch.randn(batch_size, *space.geometry.task.input_shape, generator=generator)
    targets = torch.randint(space.geometry.task.num_outputs, (batch_size,), generator=generator)
    drawn = space.decode(space.sample_genes(np.random.default_rng(seed), shapes))
    architectures = {f"random {i}: {a}": a.in_float() for i, a in enumerate(drawn)}
    pairs = dict.fromkeys([*PLAIN, *((mixer, "mlp") for mixer in space.mixer if mixer != "identity")])
    for mixer, channel_mixer in pairs:
        name = f"uniform {mixer} + {channel_mixer}"
        architectures[name] = uniform(space, mixer, channel_mixer, embed_dim=96, depth=4)
    with_plain = {f"uniform {mixer} + {channel_mixer}" for mixer, channel_mixer in PLAIN}
    rows = []
    for name, architecture in architectures.items():
        elastic = stepper(supernet, lambda x, a=architecture: supernet(x, a), inputs, targets)
        network = extract(supernet, architecture)
        rows.append(row(name, "extracted", elastic, stepper(network, network, inputs, targets), repeats))
        if name in with_plain:
            plain = plain_copy(network, inputs[:4])
            rows.append(row(name, "torch.nn", elastic, stepper(plain, plain, inputs, targets), repeats))
    ratios = [r["ratio"] for r in rows]
    plain_ratios = [r["ratio"] for r in rows if r["against"] == "torch.nn"]
    return {
        "median_ratio": statistics.median(ratios),
        "worst_ratio": max(ratios),
        "plain_median_ratio": statistics.median(plain_ratios),
        "plain_worst_ratio": max(plain_ratios),
        "rows": rows,
        "repeats": repeats,
        "batch_size": batch_size,
        "threads": threads,
        "seed": seed,
        "precision": "float32, without the simulation of integer precisions",
        "statistic": "median of ratios of neighbouring steps",
        "environment": {
            "date": date.today().isoformat(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--shapes", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    result = measure(**options)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    table = Table(title="supernet step over plain step")
    for column in ("network", "against", "ratio", "quartiles", "plain, ms"):
        table.add_column(column, justify="left" if column in ("network", "against") else "right")
    for r in result["rows"]:
        low, high = r["ratio_quartiles"]
        table.add_row(r["what"], r["against"], f"{r['ratio']:.3f}", f"{low:.3f} - {high:.3f}", f"{r['plain_ms']:.1f}")
    Console().print(table)
    for title, prefix in (("all rows", ""), ("rows against torch.nn", "plain_")):
        median, worst = result[f"{prefix}median_ratio"], result[f"{prefix}worst_ratio"]
        Console().print(f"{title}: median {median:.3f}, worst {worst:.3f}")


if __name__ == "__main__":
    main()
