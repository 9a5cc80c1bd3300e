"""A report as a search would give it: a real space, random networks of it, made-up but plausible values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from runs.objectives import Objective, objectives_by_name
from runs.reports import ReportData, ReportedNetwork, knee, minimised, non_dominated
from search_space import (
    Architecture,
    BlockShape,
    BlockSpec,
    Catalogue,
    Cost,
    Geometry,
    LinearShape,
    SearchSpace,
    TaskShape,
    blocks_of,
)
from search_space.precision import FORMATS

MIXERS = ("softmax", "linear", "sliding_window", "window", "retention", "pooling", "depthwise_conv", "identity")
WITH_HEADS = MIXERS[:5]
COST_OF = dict(zip(MIXERS, (1.0, 0.62, 0.7, 0.66, 0.72, 0.14, 0.24, 0.0), strict=True))
GAIN_OF = dict(zip(MIXERS, (1.0, 0.8, 0.9, 0.86, 0.84, 0.45, 0.55, 0.0), strict=True))
SPEED_OF = dict.fromkeys(FORMATS, 0.48) | {"float": 1.0, "w8": 0.9, "w4": 0.86}
LOSS_OF = dict.fromkeys(FORMATS, 0.05) | {"float": 0.0, "w8": 0.01, "w4": 0.16}
GOALS = objectives_by_name(["validation_error", "latency_ms", "size_bytes"])


def _mixer_cost(shape: BlockShape) -> Cost:
    width = shape.attention_dim or shape.embed_dim
    return Cost(linears=(LinearShape(in_features=shape.embed_dim, out_features=width, tokens=shape.task.seq_len),) * 4)


def _channel_cost(shape: BlockShape) -> Cost:
    sizes = ((shape.embed_dim, shape.hidden_dim), (shape.hidden_dim, shape.embed_dim))
    return Cost(linears=tuple(LinearShape(in_features=i, out_features=o, tokens=shape.task.seq_len) for i, o in sizes))


def _small(shape: BlockShape) -> Cost:
    return Cost(other_params=shape.embed_dim * 17, other_flops=shape.embed_dim * 1000)


def _catalogue() -> Catalogue:
    mixers = {}
    for key in MIXERS:
        heads = key in WITH_HEADS
        cost = _mixer_cost if heads else (lambda shape: Cost()) if key == "identity" else _small
        mixers[key] = BlockSpec(key=key, kind="mixer", cost=cost, paper="", has_heads=heads, has_linears=heads)
    channels = {
        key: BlockSpec(key=key, kind="channel_mixer", cost=_channel_cost, paper="", has_ratio=True)
        for key in ("mlp", "gated_mlp")
    }
    channels["identity"] = BlockSpec(
        key="identity", kind="channel_mixer", cost=lambda shape: Cost(), paper="", has_linears=False
    )
    ends = {kind: BlockSpec(key=kind, kind="stem", cost=_small, paper="") for kind in ("patch", "pooled")}
    return Catalogue(stems=ends, heads=ends, mixers=mixers, channel_mixers=channels)


@pytest.fixture(scope="session")
def space() -> SearchSpace:
    return SearchSpace(
        name="vit_mixed",
        geometry=Geometry(
            task=TaskShape(input_shape=(1, 28, 28), num_outputs=10, seq_len=49, grid=(7, 7)), head_dim=16
        ),
        catalogue=_catalogue(),
        embed_dim=(48, 64, 96),
        depth=(3, 4, 5, 6),
        mixer=MIXERS,
        num_heads=(2, 4, 6),
        channel_mixer=("mlp", "gated_mlp", "identity"),
        ratio=(1.0, 2.0, 4.0),
        precision=("float", "w8a8", "w8", "w4"),
    )


def _values(space: SearchSpace, arch: Architecture, rng: np.random.Generator) -> dict[str, float]:
    latency, gain, loss = 0.03, 0.0, 0.0
    for layer in arch.layers:
        latency += (
            0.0011 * arch.embed_dim * COST_OF[layer.mixer] * SPEED_OF[layer.mixer_precision] * (1 + layer.num_heads) / 5
        )
        latency += 0.0006 * arch.embed_dim * layer.ratio * SPEED_OF[layer.channel_precision] / 2
        gain += GAIN_OF[layer.mixer] * (0.5 + layer.num_heads / 12) + 0.16 * layer.ratio**0.5
        loss += LOSS_OF[layer.mixer_precision] + LOSS_OF[layer.channel_precision]
    error = 7.6 + 26 * np.exp(-0.75 * gain * (arch.embed_dim / 64) ** 0.5) + loss + abs(rng.normal(0, 0.35))
    blocks = blocks_of(arch, space.geometry.task)
    costs = [space.cost(b) for b in blocks]
    sizes = [c.size_bytes(b.precision, b.float_precision) for b, c in zip(blocks, costs, strict=True)]
    return {
        "validation_error": round(float(error), 2),
        "latency_ms": float(latency),
        "size_bytes": float(sum(sizes)),
        "params": float(sum(c.params for c in costs)),
        "flops": float(sum(c.flops for c in costs)),
    }


def example(
    space: SearchSpace,
    *,
    objectives: int = 2,
    evaluations: int = 160,
    budget: float | None = 0.45,
    measured: bool = True,
) -> ReportData:
    """Return a report of ``evaluations`` networks of the search, as many random ones and the baselines."""
    rng = np.random.default_rng(7)
    population = space.sample_genes(rng, evaluations // 4 + 1)
    named: list[tuple[str, Architecture]] = [("smallest", space.smallest), ("largest", space.largest)]
    for mixer in ("softmax", "linear", "pooling"):
        layer = dataclasses.replace(space.middle.layers[0], mixer=mixer, num_heads=4 if mixer in WITH_HEADS else 0)
        named.append(("uniform", dataclasses.replace(space.middle, layers=(layer,) * 4)))
    searched = space.decode(population)
    goals = GOALS[:objectives]
    while len(searched) < evaluations:
        scores = np.array([[_values(space, a, rng)[o.name] for o in goals] for a in searched])
        best = [a for a, keep in zip(searched, non_dominated(scores), strict=True) if keep]
        genes = space.encode([best[i] for i in rng.integers(0, len(best), 24)])
        for arch in space.decode(space.mutate(genes, rng, rate=0.12)):
            if arch not in searched and len(searched) < evaluations:
                searched.append(arch)
    named += [("search", arch) for arch in searched[:evaluations]]
    named += [("random", arch) for arch in space.decode(space.sample_genes(rng, evaluations))]
    networks = []
    for i, (source, arch) in enumerate(named):
        values = _values(space, arch, rng)
        half = values["latency_ms"] * rng.uniform(0.03, 0.07)
        networks.append(
            ReportedNetwork(
                key=arch.key,
                architecture=arch,
                source=source,  # type: ignore[arg-type]
                trial_number=i if source != "random" else None,
                objectives=values,
                latency_predicted_ms=values["latency_ms"],
                latency_interval_ms=(values["latency_ms"] - half, values["latency_ms"] + half),
                feasible=budget is None or values["latency_ms"] <= budget,
            )
        )
    return finish(tuple(networks), goals, budget=budget, measured=measured, space=space, rng=rng)


def finish(
    networks: tuple[ReportedNetwork, ...],
    objectives: tuple[Objective, ...],
    *,
    budget: float | None,
    measured: bool,
    space: SearchSpace,
    rng: np.random.Generator,
) -> ReportData:
    """Mark the front, measure it and wrap everything."""
    ours = [n for n in networks if n.searched]
    eligible = [n for n in ours if n.feasible] or ours
    front = {n.key for n, keep in zip(eligible, non_dominated(minimised(eligible, objectives)), strict=True) if keep}
    done = []
    for n in networks:
        took = n.latency_predicted_ms * float(rng.normal(1.0, 0.03)) if measured and n.key in front else None
        error = n.objectives["validation_error"] + float(rng.normal(0.1, 0.2)) if took else None
        done.append(
            dataclasses.replace(
                n, on_front=n.key in front and n.source != "random", latency_measured_ms=took, test_error=error
            )
        )
    final = [n for n in done if n.on_front]
    quality = min(final, key=lambda n: n.objectives["validation_error"])
    fastest = min(final, key=lambda n: n.objectives["latency_ms"])
    middle = final[knee(minimised(final, objectives))]
    return ReportData(
        title="fashion_mnist on two EPYC cores",
        task="fashion_mnist",
        space_name=space.name,
        space_fingerprint=space.fingerprint,
        log10_size=space.log10_size,
        objectives=objectives,
        networks=tuple(done),
        budget={} if budget is None else {"latency_ms": budget},
        device={
            "processor": "AMD EPYC 9V74",
            "cores": "2",
            "runtime": "onnxruntime 1.23",
            "threads": "1",
            "batch": "1",
        },
        environment={"python": "3.11.9", "torch": "2.9.1", "nasweave": "0.1.0"},
        corners={
            "smallest": {"validation_error": 21.4, "latency_ms": 0.06, "size_bytes": 18_200},
            "middle": {"validation_error": 10.8, "latency_ms": 0.38, "size_bytes": 412_000},
            "largest": {"validation_error": 8.1, "latency_ms": 1.9, "size_bytes": 2_400_000},
        },
        hypervolume_reference=(35.0, 2.0, 3e6)[: len(objectives)],
        chosen={"best quality": quality.key, "knee": middle.key, "fastest within budget": fastest.key},
        predictor_summary={
            "median_relative_gap": 0.021,
            "largest_relative_gap": 0.083,
            "interval_coverage": 0.91,
            "noise_floor": 0.012,
        },
        training_curve=tuple(
            (s, 2.3 * float(np.exp(-s / 400)) + 0.4 + float(rng.normal(0, 0.02))) for s in range(0, 2000, 10)
        ),
        seconds={"profile": 41.0, "train": 812.4, "search": 95.2, "report": 3.9},
        command="nasweave run task=fashion_mnist budget.latency_ms=0.45",
    )


@pytest.fixture(scope="session")
def report_data(space: SearchSpace) -> ReportData:
    return example(space)
