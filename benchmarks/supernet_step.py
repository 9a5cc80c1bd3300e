"""Time of a training step of a random subnet inside the supernet against a plain model of the same shape.

``python -m benchmarks.supernet_step`` prints a table, with ``--json`` one JSON object. A step is forward, loss and
backward from cleared gradients. The plain model of a random architecture is its extracted network, whose weights have
exactly its sizes; a uniform softmax transformer is also compared with one written in ``torch.nn`` alone. Both models
of a row take turns, and a ratio is the median over the ratios of neighbouring steps.
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
from search_space import Architecture, Layer, SearchSpace
from supernet import Supernet, extract


class PlainLayer(nn.Module):
    """A pre-norm transformer layer as anyone would write it."""

    def __init__(self, dim: int, heads: int, head_dim: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.q, self.k, self.v = (nn.Linear(dim, heads * head_dim) for _ in range(3))
        self.out = nn.Linear(heads * head_dim, dim)
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        q, k, v = (p(h).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class PlainTransformer(nn.Module):
    """Patches, layers, mean pooling, written with ``torch.nn`` alone."""

    def __init__(self, architecture: Architecture, space: SearchSpace) -> None:
        super().__init__()
        dim, task, layer = architecture.embed_dim, space.geometry.task, architecture.layers[0]
        self.side = task.input_shape[1] // 8
        self.embed = nn.Linear(self.side**2, dim)
        self.position = nn.Parameter(torch.zeros(task.seq_len, dim))
        hidden, head_dim = round(layer.ratio * dim), space.geometry.head_dim
        self.layers = nn.Sequential(*(PlainLayer(dim, layer.num_heads, head_dim, hidden) for _ in architecture.layers))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, task.num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        tiles = F.unfold(images, self.side, stride=self.side).transpose(1, 2)
        return self.head(self.norm(self.layers(self.embed(tiles) + self.position)).mean(1))


def stepper(
    module: nn.Module, forward: Callable[[Tensor], Tensor], inputs: Tensor, targets: Tensor
) -> Callable[[], float]:
    def step() -> float:
        module.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        F.cross_entropy(forward(inputs), targets).backward()
        return time.perf_counter() - begin

    return step


def row(name: str, elastic: Callable[[], float], plain: Callable[[], float], repeats: int) -> dict[str, Any]:
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
    for mixer in space.mixer:
        if mixer != "identity":
            architectures[f"uniform {mixer} + mlp"] = uniform(space, mixer, "mlp", embed_dim=96, depth=4)
    rows = []
    for name, architecture in architectures.items():
        elastic = stepper(supernet, lambda x, a=architecture: supernet(x, a), inputs, targets)
        network = extract(supernet, architecture)
        rows.append(row(name, elastic, stepper(network, network, inputs, targets), repeats))
        if name == "uniform softmax + mlp":
            plain = PlainTransformer(architecture, space)
            rows.append(row(f"{name}, torch.nn", elastic, stepper(plain, plain, inputs, targets), repeats))
    ratios = [r["ratio"] for r in rows]
    return {
        "median_ratio": statistics.median(ratios),
        "worst_ratio": max(ratios),
        "rows": rows,
        "repeats": repeats,
        "batch_size": batch_size,
        "threads": threads,
        "seed": seed,
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
    for column in ("network", "ratio", "quartiles", "plain, ms"):
        table.add_column(column, justify="left" if column == "network" else "right")
    for r in result["rows"]:
        low, high = r["ratio_quartiles"]
        table.add_row(r["what"], f"{r['ratio']:.3f}", f"{low:.3f} - {high:.3f}", f"{r['plain_ms']:.1f}")
    Console().print(table, f"median {result['median_ratio']:.3f}, worst {result['worst_ratio']:.3f}")


if __name__ == "__main__":
    main()
