"""What is a compressed checkpoint worth beside what one would do by hand, in one run and with equal care?

``python -m benchmarks.compress DIR task=clinc150 --minutes 60`` finetunes the checkpoint, and compares

- that network in fp32, and in the dynamic int8 of ONNX Runtime (``quantize_dynamic``, all its defaults),
- its first 3 and its first 4 layers, distilled from it, in fp32 and in that int8,
- the networks of the front that ``nasweave compress`` finds.

All begin with the finetuned checkpoint's weights and are taught by it with the same loss, rate, batches and optimiser.
Half of the minutes go to the search, a tenth to the profile, and one to each of the first-layers networks, for as many
steps as that is; the rest to the teacher and the measurements. Errors are those of the ONNX files on the test split,
latencies the medians of single examples on one thread of ONNX Runtime, all files in turns, so that each sees the same
machine. Bytes are those of the files. ``--json`` prints one object, ``--picture FILE`` draws it. The same command goes
on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.compress_picture import draw
from runs.app.arguments import parse_arguments
from runs.app.compose import completed, compose_words, hydra_words
from runs.app.config import changed, from_hydra
from runs.app.console.reporter import TerminalReporter
from runs.app.verbs import VERBS
from runs.environment import versions
from runs.evaluation.rounds import RoundsEvaluator
from runs.evaluation.teacher import Teacher
from runs.files import write_text
from runs.pipeline.context import Command, Context, open_context
from runs.pipeline.export_folder import subject_of
from runs.pipeline.plan import Plan
from runs.pipeline.plans import plan_of
from runs.pipeline.search_record import found_networks
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import NETWORKS
from runs.pipeline.stages.search import SEARCH
from runs.pipeline.stages.trained.teacher import TEACHER
from search_space import Architecture
from search_space.errors import NasweaveError
from supernet import Network, extract
from supernet.calibration import calibrate
from supernet.tasks import TaskData
from supernet.training.rounds import inherit_weights

__all__ = ["measure"]

_FIRST = (3, 4)
_SEARCH, _PROFILE, _ALONE = 0.5, 0.1, 0.1  # shares of the minutes
_PROBE = 4  # steps that tell how long one takes
_MOST_OF_FRONT = 8
_WARMUP, _TURNS, _CALLS = 20, 15, 20


@dataclass(frozen=True, kw_only=True)
class _File:
    """One network as an ONNX file.

    Parameters
    ----------
    group, name
        Which of the ways it comes from, and what it is.
    content
        The file.
    steps, seconds
        That its own training, beyond the teacher's, was given; of the front's networks the seconds of the whole search.
    """

    group: str
    name: str
    content: bytes
    steps: int
    seconds: float


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    torch.set_num_threads(1)
    context = _opened(options)
    plan, minutes = plan_of(context), options.minutes
    teacher = plan.run(TEACHER)
    if teacher is None:
        raise SystemExit("benchmarks.compress: no checkpoint is given")
    with tempfile.TemporaryDirectory(prefix="compress-") as scratch:
        files = [*_finetuned(context, teacher, Path(scratch))]
        for depth in (d for d in _FIRST if d < teacher.supernet.space.max_depth):
            files += _first_layers(context, teacher, depth, Path(scratch), seconds=60 * minutes * _ALONE)
        files += _ours(context, plan, seconds=60 * minutes * _SEARCH)
    latencies = _latencies([file.content for file in files], context.data)
    rows = [_row(file, ms, context.data) for file, ms in zip(files, latencies, strict=True)]
    return {
        "checkpoint": str(context.pretrained),
        "task": context.config.task.name,
        "metric": str(context.data.metric),
        "minutes": minutes,
        "device": context.device.name,
        "versions": versions(),
        "test_examples": len(context.data.test),
        "rows": rows,
    }


def _opened(options: argparse.Namespace) -> Context:
    """Return the context of ``nasweave compress WORDS``, whose profile and search have their shares of the minutes."""
    words = [str(options.checkpoint), *options.words]
    arguments = parse_arguments(words, verb="compress", own=VERBS["compress"].words)
    overrides = completed(arguments.overrides, verb=VERBS["compress"])
    config = from_hydra(compose_words(hydra_words(overrides, config_dir=None)))
    config = changed(
        config,
        {
            "outputs": str(options.outputs),
            "name": "benchmark",
            "profile.time_budget": 60.0 * options.minutes * _PROFILE,
            "search.fidelities.time_budget": 60.0 * options.minutes * _SEARCH,
            "search.fidelities.processes": 1,
        },
    )
    return open_context(config, command=Command(verb="compress", overrides=tuple(words)), reporter=TerminalReporter())


def _finetuned(context: Context, teacher: Teacher, scratch: Path) -> list[_File]:
    """Return the finetuned checkpoint, and ONNX Runtime's own int8 of it."""
    network = extract(teacher.supernet, teacher.supernet.space.largest.in_float()).eval()
    steps = context.config.search.fidelities.teacher_steps
    return _both(network, context, "finetuned checkpoint", scratch, steps=steps, seconds=0.0)


def _first_layers(context: Context, teacher: Teacher, depth: int, scratch: Path, *, seconds: float) -> list[_File]:
    """Return the first layers of the teacher, distilled for so many seconds, in fp32 and int8."""
    largest, own = teacher.supernet.space.largest.in_float(), context.config.search.fidelities
    shallow = replace(largest, layers=largest.layers[:depth])

    def start(architecture: Architecture) -> Network:
        network = Network(architecture, teacher.supernet.space.geometry)
        inherit_weights(network, teacher.supernet)
        return network

    def trainer(name: str) -> RoundsEvaluator:
        return RoundsEvaluator(
            context.space,
            context.data,
            context.rounds_training,
            folder=context.folder / name,
            start=start,
            origin=f"first {depth} of {teacher.origin}",
            optimizer=own.optimizer,
            teaching=teacher.teaching,
        )

    told = context.folder / "first_layers" / f"{depth}.json"
    if not told.exists():  # the same command trains as many steps, wherever it was stopped
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=scratch) as probed:
            trainer(str(Path(probed).resolve())).train(shallow, steps=_PROBE)
        write_text(told, json.dumps(max(_PROBE, round(seconds / (time.monotonic() - began) * _PROBE))))
    steps, chosen = int(json.loads(told.read_text())), trainer("first_layers")
    chosen.train(shallow, steps=steps)
    return _both(chosen.network(shallow), context, f"first {depth} layers", scratch, steps=steps, seconds=seconds)


def _both(network: Network, context: Context, name: str, scratch: Path, *, steps: int, seconds: float) -> list[_File]:
    fp32 = subject_of(network, context.data).onnx(integers=False)
    made = {"fp32": fp32, "int8": _dynamic_int8(fp32, scratch)}
    return [
        _File(group=kind, name=f"{name}, {kind}", content=content, steps=steps, seconds=seconds)
        for kind, content in made.items()
    ]


def _dynamic_int8(content: bytes, scratch: Path) -> bytes:
    """Return ONNX Runtime's dynamic quantisation of a model, with its defaults."""
    from onnxruntime.quantization import quantize_dynamic

    source, target = scratch / "fp32.onnx", scratch / "int8.onnx"
    source.write_bytes(content)
    quantize_dynamic(source, target)
    return target.read_bytes()


def _ours(context: Context, plan: Plan, *, seconds: float) -> list[_File]:
    """Return the front's networks, in the precisions that the search chose, evenly spread where there are many."""
    plan.run(SEARCH)
    networks, front = plan.run(NETWORKS), found_networks(context, plan.run(DEVICES)).front
    places = np.unique(np.linspace(0, len(front) - 1, min(len(front), _MOST_OF_FRONT)).round().astype(int))
    files = []
    for candidate in (front[i] for i in places):
        network = calibrate(networks(candidate.architecture, keep=True).cpu(), context.data)
        files.append(
            _File(
                group="nasweave",
                name=str(candidate.architecture),
                content=subject_of(network, context.data).onnx(),
                steps=round(candidate.values["training_steps"]),
                seconds=seconds,
            )
        )
    return files


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _latencies(contents: Sequence[bytes], data: TaskData) -> list[float]:
    """Return the median milliseconds of one example of each file: turns of all files, one after the other."""
    sessions = [_session(content) for content in contents]
    example = data.validation.batch(slice(0, 1))[0].numpy()
    for session in sessions:
        for _ in range(_WARMUP):
            session.run(None, {session.get_inputs()[0].name: example})
    turns: list[list[float]] = [[] for _ in sessions]
    for _ in range(_TURNS):
        for session, times in zip(sessions, turns, strict=True):
            given = {session.get_inputs()[0].name: example}
            single = []
            for _ in range(_CALLS):
                began = time.perf_counter()
                session.run(None, given)
                single.append(time.perf_counter() - began)
            times.append(1e3 * statistics.median(single))
    return [statistics.median(times) for times in turns]


def _row(file: _File, latency_ms: float, data: TaskData) -> dict[str, Any]:
    session, tally = _session(file.content), data.tally()
    for start in range(0, len(data.test), 64):
        inputs, targets = data.test.batch(slice(start, start + 64))
        # One at a time: dynamic int8 has one range for a whole batch.
        outputs = [session.run(None, {session.get_inputs()[0].name: one[None].numpy()})[0] for one in inputs]
        tally.add(torch.from_numpy(np.concatenate(outputs)), targets)
    return {
        "group": file.group,
        "name": file.name,
        "test_error": round(tally.error, 3),
        "standard_error": round(tally.standard_error, 3),
        "latency_ms": round(latency_ms, 4),
        "bytes": len(file.content),
        "steps": file.steps,
        "seconds": round(file.seconds, 1),
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="folder of the checkpoint")
    parser.add_argument("words", nargs="*", help="what else nasweave compress is told, such as task=clinc150")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="folder of the run, to go on with")
    parser.add_argument("--picture", type=Path, help="a file to draw to")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        result = measure(options)
    except NasweaveError as error:
        raise SystemExit(f"benchmarks.compress: {error}") from error
    if options.picture is not None:
        draw(result, options.picture)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    table = Table(title=f"{result['checkpoint']} on {result['task']}, {result['test_examples']:,} test examples")
    for name in ("name", "test error", "latency", "size", "steps"):
        table.add_column(name, justify="left" if name == "name" else "right")
    for row in result["rows"]:
        error = f"{row['test_error']:.2f} ± {row['standard_error']:.2f}"
        size, latency = f"{row['bytes'] / 1e6:.3g} MB", f"{row['latency_ms']:.3g} ms"
        table.add_row(row["name"], error, latency, size, str(row["steps"]))
    Console().print(table)


if __name__ == "__main__":
    main()
