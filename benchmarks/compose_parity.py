"""How composed graphs compare with exported ones: outputs, kernels, time to make, and latency in pairs.

``python -m benchmarks.compose_parity --networks 100`` takes random networks of each default space, in random precisions
of all that a runtime executes on this device (``--runtime openvino`` for another one than ONNX Runtime). A network
counts as equal if its outputs differ by no more than 1e-6 and ONNX Runtime makes the same kernels of both graphs.
``--pairs 5`` also times so many of them in turns: a pair is one run of each, and the ratio is that of the lower fifths
of the times.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import torch
import yaml
from numpy.typing import NDArray

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.input_limits import input_limits
from hardware_profiles.onnx.export import export_onnx
from hardware_profiles.onnx.library import graph_library
from hardware_profiles.onnx.policy import apply_policy
from hardware_profiles.runtime import Runtime
from runs.environment import versions
from search_space import SearchSpace, TaskShape, space_from_mapping
from supernet import Network, catalogue, example_input
from supernet.blocks import deployed
from supernet.elastic import reset_parameters

_SPACES = Path(__file__).parents[1] / "hydra_conf" / "space"
_PICTURE = TaskShape(input_shape=(1, 32, 32), num_outputs=10, seq_len=64, grid=(8, 8))
_TEXT = TaskShape(input_shape=(32,), num_outputs=150, seq_len=32, vocab_size=3000, stem="tokens")
TASKS: Mapping[str, TaskShape] = {
    "vit_tiny": TaskShape(input_shape=(1, 8, 8), num_outputs=10, seq_len=16, grid=(4, 4)),
    "vit_softmax": _PICTURE,
    "vit_mixed": _PICTURE,
    "vit_all": _PICTURE,
    "series": TaskShape(input_shape=(96, 7), num_outputs=24, seq_len=42, grid=(7, 6), stem="series", head="forecast"),
    "text": replace(_TEXT, padded=True),
    "text_causal": replace(_TEXT, causal=True, head="language_model"),
}
_PAIRS_OF_RUNS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=10, help="of each space")
    parser.add_argument("--spaces", default=",".join(TASKS))
    parser.add_argument("--pairs", type=int, default=0, help="networks of each space that are also timed")
    parser.add_argument("--runtime", default="onnxruntime", choices=[n for n, r in RUNTIMES.items() if r.reads_onnx])
    options = parser.parse_args()
    runtime = RUNTIMES[options.runtime]
    print(f"{this_device().name}, {runtime.name}, " + ", ".join(f"{n} {v}" for n, v in versions().items()))
    print("| space | networks | equal | largest difference | exported s | composed ms | latency composed / exported |")
    print("|---|---|---|---|---|---|---|")
    for name in options.spaces.split(","):
        print(_row(name, runtime, count=options.networks, pairs=options.pairs), flush=True)


def _row(name: str, runtime: Runtime, *, count: int, pairs: int) -> str:
    declaration = yaml.safe_load((_SPACES / f"{name}.yaml").read_text())
    declaration["precision"] = sorted(runtime.precisions_on(this_device()))
    space = space_from_mapping(declaration, task=TASKS[name], catalogue=catalogue())
    rng, equal, largest = np.random.default_rng(0), 0, 0.0
    seconds: list[tuple[float, float]] = []
    ratios: list[float] = []
    for i in range(count):
        network, batch = _network(space, rng, seed=i)
        graph_library().graph(network, batch)  # exports the blocks that are new
        (composed, short), (exported, long) = (
            _timed(lambda n=network, b=batch: graph_library().graph(n, b)),
            _timed(lambda n=network, b=batch: export_onnx(n, b)),
        )
        seconds.append((short, long))
        policy, limits = network.precision_policy(), input_limits(network, batch)
        unsigned = runtime.unsigned_weights(this_device())
        models = [apply_policy(m, policy, input_limits=limits, unsigned=unsigned) for m in (composed, exported)]
        opened = [runtime.open_model(m.SerializeToString(), runtime.settings("fp32"), 1) for m in models]
        found, right = (run(batch.numpy()) for run in opened)
        difference = float(np.abs(found - right).max())
        largest = max(largest, difference)
        same = runtime.name != "onnxruntime" or _kernels(models[0]) == _kernels(models[1])
        equal += difference <= 1e-6 and same
        if i < pairs:
            ratios.append(_ratio(opened, batch[:1].numpy()))
    short, long = np.median(seconds, axis=0)
    compared = f"{np.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})" if ratios else ""
    return f"| {name} | {count} | {equal} | {largest:.1e} | {long:.2f} | {1e3 * short:.1f} | {compared} |"


def _network(space: SearchSpace, rng: np.random.Generator, *, seed: int) -> tuple[Network, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    network = Network(space.sample(rng), space.geometry, simulate_precision=False)
    reset_parameters(network, generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return deployed(network.eval()), example_input(space.geometry.task, batch_size=3, generator=generator)


def _timed(make: Callable[[], onnx.ModelProto]) -> tuple[onnx.ModelProto, float]:
    start = time.process_time()
    made = make()
    return made, time.process_time() - start


def _kernels(model: onnx.ModelProto) -> Counter[tuple[str, str]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    with TemporaryDirectory() as folder:
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        made = onnx.load(options.optimized_model_filepath)
    return Counter((node.domain, node.op_type) for node in made.graph.node)


def _ratio(opened: list[Callable[[NDArray[np.float32]], NDArray[np.float32]]], batch: NDArray[np.float32]) -> float:
    """Return the latency of the first over that of the second, each run beside one of the other, in either order."""
    times = np.empty((_PAIRS_OF_RUNS, 2))
    for turn, pair in enumerate(times):
        for i in (turn % 2, 1 - turn % 2):
            start = time.perf_counter()
            opened[i](batch)
            pair[i] = time.perf_counter() - start
    first, second = np.quantile(times, 0.2, axis=0)
    return float(first / second)


if __name__ == "__main__":
    main()
