"""What integer precisions gain on each runtime: a network in float against the same network in each of them.

``python -m benchmarks.precision_speed`` builds encoders of 6 layers (softmax attention and MLP, 128 tokens, batch 1)
and compiles them by the code that compiles exports. Float and integers run in turns, one thread; a ratio is the median
over neighbouring runs. ``--json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from datetime import date
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from hardware_profiles import RUNTIMES, this_device
from runs.environment import versions
from search_space import Architecture, Geometry, Layer, TaskShape
from search_space.precision import FLOAT
from supernet import Network
from supernet.elastic import reset_parameters
from supernet.example import example_input

RUNTIME_NAMES = ("onnxruntime", "openvino")
_HEAD_DIM, _LENGTH, _DEPTH = 32, 128, 6


def network(width: int, precision: str) -> tuple[Network, TaskShape]:
    """Return the encoder of a width, in float modules whose policy is the precision."""
    task = TaskShape(input_shape=(_LENGTH,), num_outputs=10, seq_len=_LENGTH, vocab_size=512, stem="tokens")
    layer = Layer(mixer="softmax", num_heads=width // _HEAD_DIM, channel_mixer="mlp", ratio=4.0)
    layer = replace(layer, mixer_precision=precision, channel_precision=precision)
    built = Network(
        Architecture(embed_dim=width, layers=(layer,) * _DEPTH),
        Geometry(task=task, head_dim=_HEAD_DIM),
        simulate_precision=False,
    )
    reset_parameters(built, torch.Generator().manual_seed(0))
    return built.eval(), task


def ratios(runtime: str, width: int, *, repeats: int) -> list[dict[str, Any]]:
    """Return a row for each integer precision of a runtime."""
    module, task = network(width, FLOAT)
    example = example_input(task, batch_size=1, generator=torch.Generator().manual_seed(1))
    batch = example.numpy()
    prepared = RUNTIMES[runtime].prepare(module, example)
    in_float = prepared.compile(policy={}, threads=1)
    rows = []
    for precision in sorted(RUNTIMES[runtime].precisions - {FLOAT}):
        policy = network(width, precision)[0].precision_policy()
        integers = prepared.compile(policy=policy, threads=1)
        times: dict[str, list[float]] = {"float": [], precision: []}
        for i in range(repeats + 3):
            for name, executable in (("float", in_float), (precision, integers)):
                begin = time.perf_counter()
                executable.run(batch)
                if i >= 3:
                    times[name].append(time.perf_counter() - begin)
        rows.append(
            {
                "runtime": runtime,
                "version": RUNTIMES[runtime].version(),
                "embed_dim": width,
                "seq_len": _LENGTH,
                "precision": precision,
                "float_ms": round(1e3 * statistics.median(times["float"]), 3),
                "ms": round(1e3 * statistics.median(times[precision]), 3),
                "speed_up": round(
                    statistics.median(a / b for a, b in zip(times["float"], times[precision], strict=True)), 3
                ),
                "size_ratio": round(in_float.size_bytes / integers.size_bytes, 3),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runtimes", default=",".join(RUNTIME_NAMES))
    parser.add_argument("--widths", default="256,512")
    parser.add_argument("--repeats", type=int, default=60)
    options = parser.parse_args()
    rows = [
        row
        for runtime in options.runtimes.split(",")
        for width in map(int, options.widths.split(","))
        for row in ratios(runtime, width, repeats=options.repeats)
    ]
    if options.json:
        facts = {"device": this_device().name, "versions": dict(versions()), "date": date.today().isoformat()}
        print(json.dumps({"rows": rows, **facts}, indent=1))
        return
    table = Table(*rows[0], title="float against integers, one thread, batch 1")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
