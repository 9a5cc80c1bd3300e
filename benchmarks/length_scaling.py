"""From which length on mixers that are linear in length are faster than softmax, in both phases.

``python -m benchmarks.length_scaling`` times single blocks of 128 features in 4 heads, batch 1, one thread. *prefill*
is the whole sequence, compiled by ONNX Runtime as profiles and exports are; *decode* is one token at the end of such a
sequence, in PyTorch. The mixer and softmax run in turns, and a ratio is the median over neighbouring runs. ``--json``
prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from hardware_profiles import RUNTIMES, this_device
from runs.environment import versions
from search_space import Block, Geometry, Layer, TaskShape
from supernet.catalogue import MIXERS
from supernet.extract import BlockModule, block_module
from supernet.layer import MixerBlock

LENGTHS = (256, 512, 1024, 2048, 4096)
MIXERS_LINEAR = ("linear", "cosformer", "linformer", "gated_linear", "retention", "sliding_window")
_WIDTH, _HEADS, _HEAD_DIM = 128, 4, 32


def module_of(mixer: str, length: int, *, causal: bool) -> BlockModule:
    """Return the block of a mixer with random weights."""
    task = TaskShape(input_shape=(length,), num_outputs=2, seq_len=length, causal=causal, vocab_size=256, stem="tokens")
    block = Block(kind="mixer", key=mixer, embed_dim=_WIDTH, num_heads=_HEADS)
    return block_module(block, Geometry(task=task, head_dim=_HEAD_DIM), generator=torch.Generator().manual_seed(0))


def prefill(mixer: str, length: int, *, causal: bool) -> Callable[[], object]:
    """Return what runs the block on a whole sequence."""
    example = torch.randn(1, length, _WIDTH, generator=torch.Generator().manual_seed(1))
    module = module_of(mixer, length, causal=causal)
    executable, batch = RUNTIMES["onnxruntime"].compile(module, example, policy={}, threads=1), example.numpy()
    return lambda: executable.run(batch)


def decode(mixer: str, length: int, *, causal: bool) -> Callable[[], object]:
    """Return what runs the block on the last token of a sequence."""
    block = module_of(mixer, length, causal=causal).inner
    assert isinstance(block, MixerBlock)
    layer = Layer(mixer=mixer, num_heads=_HEADS, channel_mixer="identity", ratio=0.0)
    state = block.initial_state(1, layer, embed_dim=_WIDTH, dtype=torch.float32, device=torch.device("cpu"))
    token, position = torch.randn(1, 1, _WIDTH), torch.tensor(length - 1)

    def run() -> object:
        with torch.inference_mode():
            return block.step(token, layer, state, position=position)

    return run


PHASES = {"prefill": prefill, "decode": decode}


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], *, seconds: float) -> tuple[float, float, float]:
    """Return the median milliseconds of both, and the median of the ratios of neighbouring runs."""
    mine, its = [], []
    for run in (ours, theirs):
        run()
    begin = time.perf_counter()
    while len(mine) < 5 or time.perf_counter() - begin < seconds:
        for run, times in ((ours, mine), (theirs, its)):
            start = time.perf_counter()
            run()
            times.append(1e3 * (time.perf_counter() - start))
    ratio = statistics.median(a / b for a, b in zip(mine, its, strict=True))
    return statistics.median(mine), statistics.median(its), ratio


def measure(*, lengths: tuple[int, ...], mixers: tuple[str, ...], seconds: float) -> dict[str, Any]:
    torch.set_num_threads(1)
    rows = []
    for phase, make in PHASES.items():
        for causal in (False, True) if phase == "prefill" else (True,):
            for length in lengths:
                softmax = make("softmax", length, causal=causal)
                for mixer in mixers:
                    spec = MIXERS[mixer].spec
                    if not (spec.causal if causal else spec.bidirectional):
                        continue
                    ms, softmax_ms, ratio = in_turns(make(mixer, length, causal=causal), softmax, seconds=seconds)
                    rows.append(
                        {
                            "mixer": mixer,
                            "phase": phase,
                            "causal": causal,
                            "length": length,
                            "ms": round(ms, 4),
                            "softmax_ms": round(softmax_ms, 4),
                            "ratio_to_softmax": round(ratio, 4),
                        }
                    )
    return {
        "rows": rows,
        "embed_dim": _WIDTH,
        "num_heads": _HEADS,
        "device": this_device().name,
        "versions": dict(versions()),
        "date": date.today().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--lengths", default=",".join(map(str, LENGTHS)))
    parser.add_argument("--mixers", default=",".join(MIXERS_LINEAR))
    parser.add_argument("--seconds", type=float, default=0.5, help="for each pair")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the ratios over the length")
    options = parser.parse_args()
    lengths = tuple(int(n) for n in options.lengths.split(","))
    result = measure(lengths=lengths, mixers=tuple(options.mixers.split(",")), seconds=options.seconds)
    if options.picture is not None:
        from benchmarks.length_scaling_picture import draw

        draw(result, options.picture)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    table = Table("mixer", "phase", "causal", *(f"{n:,}" for n in lengths), title="time over that of softmax")
    ratios: dict[tuple[str, str, bool], dict[int, float]] = {}
    for row in result["rows"]:
        ratios.setdefault((row["mixer"], row["phase"], row["causal"]), {})[row["length"]] = row["ratio_to_softmax"]
    for (mixer, phase, causal), found in ratios.items():
        table.add_row(mixer, phase, "yes" if causal else "no", *(f"{found[n]:.2f}" for n in lengths))
    Console().print(table)


if __name__ == "__main__":
    main()
