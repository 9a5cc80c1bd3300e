"""How many architectures a second can be judged on one core: latency, size and quality with its deviation.

``python -m benchmarks.predict_throughput`` prints a table, with ``--json`` one JSON object. The space is the mixed
6-layer space: every mixer, channel mixer and precision there is. The predictors are fitted on synthetic targets (a
roofline over the blocks' costs, an error that falls with the parameters), for the time of a prediction depends on the
sizes of the fitted coefficients alone. One thread, the median over repeats. The headline judges architectures that
share no ``Layer`` objects, as if each came from its own JSON; those of ``from_architectures`` share what they can.

``bound`` is what a prediction from genes cannot do without: one gather of the table of blocks, and one matrix product
of features of those sizes.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.mixed_space import mixed_space
from hardware_profiles.measurement import Measurand
from predictors import CostModel, LatencyPredictor, QualityPredictor
from search_space import Architecture, Block, Genes, SearchSpace, features

FITTED_NETWORKS, FITTED_QUALITIES = 40, 500
_ROWS = 2048  # of the matrix product at a time: they stay in the processor's cache


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticMeasurement:
    """A latency that nothing measured."""

    latency_ms: float

    def value(self, measurand: Measurand) -> float | None:
        """Return the latency."""
        return self.latency_ms if measurand is Measurand.LATENCY else None


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticProfile:
    """What a latency predictor is fitted on."""

    blocks: dict[Block, SyntheticMeasurement]
    networks: list[tuple[Architecture, SyntheticMeasurement]]


def synthetic_profile(space: SearchSpace, rng: np.random.Generator) -> SyntheticProfile:
    """A roofline: 20 GFLOP/s, 10 GB/s and 5 microseconds a block; networks spread by 3 %."""

    def block_ms(block: Block) -> float:
        cost = space.cost(block)
        return 0.005 + cost.flops / 20e6 + cost.size_bytes(block.precision, block.float_precision) / 10e6

    blocks = {b: SyntheticMeasurement(latency_ms=block_ms(b)) for b in space.blocks}
    genes = space.sample_genes(rng, FITTED_NETWORKS)
    table = np.array([*(blocks[b].latency_ms for b in space.blocks), 0.0])
    latency = table[space.block_ids(genes)].sum(axis=1) * np.exp(rng.normal(0.0, 0.03, len(genes)))
    networks = [
        (a, SyntheticMeasurement(latency_ms=float(ms))) for a, ms in zip(space.decode(genes), latency, strict=True)
    ]
    return SyntheticProfile(blocks=blocks, networks=networks)


def seconds(action: Callable[[], object], repeats: int) -> list[float]:
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return times


def measure(*, architectures: int, repeats: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    space = mixed_space()
    costs, latency = CostModel(space), LatencyPredictor(space).fit(synthetic_profile(space, rng))
    genes = space.sample_genes(rng, FITTED_QUALITIES)
    error = 5.0 + 60.0 * np.exp(-costs.params(genes) / 2e5) + rng.normal(0.0, 0.5, len(genes))
    quality = QualityPredictor(space).fit(genes, error)

    population = space.sample_genes(rng, architectures)
    shared = space.decode(population)
    # As if each came from its own JSON text: no two networks share a Layer object.
    unshared = [Architecture.from_json(a.to_json()) for a in shared]

    def evaluator(rows: Genes) -> None:
        latency.predict(rows)
        costs.size_bytes(rows)
        quality.predict(rows, return_std=True)

    table = rng.normal(size=len(space.blocks) + 1)
    width = features(space, population[:1]).shape[1]
    design = rng.normal(size=(min(architectures, _ROWS), width))
    factor, parts = rng.normal(size=(width, width)), -(-architectures // _ROWS)

    def bound() -> None:
        table[space.block_ids(population)].sum(axis=1)
        for _ in range(parts):
            design @ factor

    actions: dict[str, Callable[[], object]] = {
        "bound": bound,
        "from_architectures": lambda: evaluator(space.encode(shared)),
        "from_unshared_architectures": lambda: evaluator(space.encode(unshared)),
        "from_genes": lambda: evaluator(population),
        "encode": lambda: space.encode(shared),
        "latency": lambda: latency.predict(population),
        "latency_interval": lambda: latency.predict_interval(population),
        "size": lambda: costs.size_bytes(population),
        "peak_memory": lambda: costs.peak_memory_bytes(population),
        "quality": lambda: quality.predict(population, return_std=True),
    }
    rows = []
    with threadpool_limits(1):
        for name, action in actions.items():
            times = seconds(action, repeats)
            median = statistics.median(times)
            rows.append(
                {
                    "what": name,
                    "architectures_per_second": round(architectures / median),
                    "microseconds_each": round(1e6 * median / architectures, 3),
                    "slowest_over_median": round(max(times) / median, 3),
                }
            )
    start = time.perf_counter()
    quality.fit(genes, error)
    refit = time.perf_counter() - start
    by_name = {row["what"]: row["architectures_per_second"] for row in rows}
    return {
        "architectures_per_second": by_name["from_unshared_architectures"],
        "architectures_per_second_from_genes": by_name["from_genes"],
        "bound_over_from_genes": round(by_name["bound"] / by_name["from_genes"], 2),
        "rows": rows,
        "quality_refit_seconds": round(refit, 4),
        "architectures": architectures,
        "repeats": repeats,
        "statistic": "median",
        "threads": 1,
        "seed": seed,
        "space": {"name": space.name, "log10_size": round(space.log10_size, 1), "blocks": len(space.blocks)},
        "profile": f"synthetic roofline, {FITTED_NETWORKS} networks, {FITTED_QUALITIES} qualities",
        "environment": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": platform.machine(),
            "system": platform.system(),
            "date": date.today().isoformat(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--architectures", type=int, default=50_000, help="size of the population")
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats of each row")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = measure(architectures=options.architectures, repeats=options.repeats, seed=options.seed)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    title = f"{result['architectures']:,} architectures of {result['space']['name']}, one thread, {result['profile']}"
    table = Table(title=title)
    for heading in ("what", "architectures/s", "us each", "slowest/median"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for row in result["rows"]:
        rate, each = row["architectures_per_second"], row["microseconds_each"]
        table.add_row(row["what"], f"{rate:,}", f"{each:.2f}", f"{row['slowest_over_median']:.2f}")
    Console().print(table)
    Console().print(f"refit of the quality predictor: {1e3 * result['quality_refit_seconds']:.0f} ms")


if __name__ == "__main__":
    main()
