"""What the next token costs in each causal mixer, with a small cache and a large one.

``python -m benchmarks.decode_step`` times the step of single blocks of 128 features in 4 heads, batch 1, one thread, on
ONNX Runtime as profiles and exports have it: arrays of numpy in and out, the cache among them. The two lengths of a
mixer run in turns, and the ratio is the median over neighbouring runs: near 1 where the state is constant. ``--json``
prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.length_scaling import in_turns
from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.example import arrays_of
from runs.environment import versions
from search_space import Block, Geometry, Scalar, TaskShape
from search_space.spec import state_bytes
from supernet.blocks import deployed
from supernet.catalogue import MIXERS, catalogue
from supernet.composing.steps import block_step

LENGTHS = (256, 4096)
_WIDTH, _HEADS, _HEAD_DIM = 128, 4, 32
_CAUSAL = tuple(key for key, mixer in MIXERS.items() if mixer.spec.causal and not mixer.spec.skips)


def step_of(mixer: str, length: int, options: Mapping[str, Scalar]) -> tuple[Callable[[], object], int]:
    """Return what runs a block on one more token, and the bytes that it remembers of ``length`` tokens."""
    task = TaskShape(
        input_shape=(length,),
        num_outputs=256,
        seq_len=length,
        causal=True,
        vocab_size=256,
        stem="tokens",
        head="language_model",
    )
    geometry = Geometry(task=task, head_dim=_HEAD_DIM, options={mixer: options})
    block = Block(kind="mixer", key=mixer, embed_dim=_WIDTH, num_heads=_HEADS if MIXERS[mixer].spec.has_heads else 0)
    step = deployed(block_step(block, geometry, generator=torch.Generator().manual_seed(0)))
    example = step.example(1, generator=torch.Generator().manual_seed(1))
    executable = RUNTIMES["onnxruntime"].prepare_step(step, example).compile(policy={}, threads=1)
    arrays = arrays_of(example)
    return lambda: executable.run(arrays), state_bytes(geometry.state(block, catalogue()))


def measure(
    *, lengths: tuple[int, int], mixers: tuple[str, ...], options: Mapping[str, Scalar], seconds: float
) -> dict[str, Any]:
    """Return a row for each mixer: milliseconds and bytes at both lengths, and the ratio of the times."""
    rows = []
    for mixer in mixers:
        (short, less), (long, more) = (step_of(mixer, length, options) for length in lengths)
        long_ms, short_ms, ratio = in_turns(long, short, seconds=seconds)
        rows.append(
            {
                "mixer": mixer,
                "ms": [round(short_ms, 4), round(long_ms, 4)],
                "ratio": round(ratio, 3),
                "cache_bytes": [less, more],
            }
        )
    return {
        "rows": rows,
        "lengths": list(lengths),
        "options": dict(options),
        "embed_dim": _WIDTH,
        "num_heads": _HEADS,
        "device": this_device().name,
        "versions": dict(versions()),
        "date": date.today().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--lengths", type=int, nargs=2, default=LENGTHS, metavar=("SHORT", "LONG"))
    parser.add_argument("--mixers", nargs="+", default=_CAUSAL, choices=_CAUSAL, metavar="MIXER")
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE", help="of these mixers")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each mixer")
    options = parser.parse_args()
    chosen = {name: yaml.safe_load(value) for name, _, value in (word.partition("=") for word in options.options)}
    lengths, mixers = tuple(options.lengths), tuple(options.mixers)
    result = measure(lengths=lengths, mixers=mixers, options=chosen, seconds=options.seconds)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    short, long = (f"{length:,}" for length in options.lengths)
    table = Table("mixer", f"ms at {short}", f"ms at {long}", "ratio", f"bytes at {short}", f"bytes at {long}")
    for row in result["rows"]:
        times, sizes = (f"{ms:.3f}" for ms in row["ms"]), (f"{size:,}" for size in row["cache_bytes"])
        table.add_row(row["mixer"], *times, f"{row['ratio']:.2f}", *sizes)
    Console().print(table)


if __name__ == "__main__":
    main()
