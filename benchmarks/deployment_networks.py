"""The networks that ``benchmarks.deployment`` compares: the largest one, winners of searches, and uniform ones.

Each is finetuned in the same way, by the stages of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.open_run import open_run
from runs.evaluation.baselines import every_uniform
from runs.evaluation.candidates import record_networks
from runs.evaluation.finetuning import FinetunedFiles, finetuned_files
from runs.export import Subject
from runs.pipeline.context import Context
from runs.pipeline.plan import Plan
from runs.pipeline.stages.baselines import BASELINES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.pipeline.stages.finetune import FINETUNE, FINETUNER
from runs.pipeline.stages.train import TRAIN
from runs.search import StoreRecorder
from runs.search.algorithms.successive_halving import initial_configurations, successive_halving
from search_space import Architecture, SearchSpace
from search_space.errors import BudgetError
from search_space.precision import FLOAT, FORMATS
from supernet.blocks import deployed
from supernet.training import Evaluator, evaluate

GOALS = ((4.80, 3.44), (4.80, 1.0), (3.0, 1.0), (2.0, 1.0), (1.3, 1.0), (1.0, 1.0))  # times faster and smaller
SLOWER = (0.0, 1.3, 2.5)  # times the latency of the chosen network, at which uniform ones are sought
_PREDICTED, _GRAPH = 1.03, 1.1  # for what predicted latencies are off by, and what a file holds beside the weights
EXAMPLES = 512  # of the searches for the hypervolume


def int8(space: SearchSpace) -> str:
    """Return the precision of the space whose weights and activations have 8 bits."""
    bits = {p: FORMATS[p] for p in space.precision if p != FLOAT}
    return next(p for p, f in bits.items() if f.weight_bits == 8 and f.activation_bits == 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Uniform:
    """A finetuned network with the same choices in all layers."""

    architecture: Architecture
    validation_error: float
    test_error: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """A finetuned network and the bytes of its ONNX file."""

    architecture: Architecture
    files: FinetunedFiles
    onnx_bytes: int


def tuned(context: Context, key: str) -> Tuned:
    """Return a network that was finetuned in full."""
    files = finetuned_files(context.folder, key, supernet=context.supernet_fingerprint)
    candidate = context.store.candidate(context.run.id, key)
    assert files is not None and candidate is not None
    example, _ = context.data.validation.batch(slice(0, 1))
    networks = {n: deployed(files.network(simulate_precision=n == "simulated")) for n in ("simulated", "in_float")}
    architecture = candidate.architecture
    return Tuned(architecture=architecture, files=files, onnx_bytes=len(Subject(**networks, example=example).onnx()))


def finetuned_baseline(overrides: Sequence[str], architecture: Architecture) -> Tuned:
    """Finetune one network, which becomes a candidate of the run where it is none."""
    context = open_run([*overrides, f"key={architecture.key}"])
    plan = Plan(context)
    plan.run(BASELINES)
    known = plan.run(DEVICES)
    record_networks(
        [architecture],
        space=context.space,
        cost_function=known.costs,
        evaluate=plan.run(EVALUATOR),
        recorder=StoreRecorder(context.store, run_id=context.run.id, source="deployment", predicted=known.predicted),
    )
    return tuned(context, plan.run(FINETUNE))


def winners(
    overrides: Sequence[str], baseline: Tuned, *, latency_ms: float, initial_configurations: int, goals: int
) -> Iterator[Tuned]:
    """Yield the finetuned winner of each goal, the highest first, as long as none is as good as the baseline.

    With a winner come those of other halvings of that goal, say of fewer configurations, that were finetuned in full.
    Each goal is the budget of a search of its own, whose one objective is the error.
    """
    for faster, smaller in GOALS[:goals]:
        limits = (
            f"name=deployment-{faster:g}x-{smaller:g}x",
            "search.objectives=[validation_error]",
            f"budget.latency_ms={latency_ms / (faster * _PREDICTED)}",
            f"budget.size_bytes={baseline.onnx_bytes / (smaller * _GRAPH)}",
        )
        try:
            context = open_run([*overrides, *limits, f"finetune.num_configurations={initial_configurations}"])
            Plan(context).run(FINETUNE)
        except BudgetError:
            continue  # no network that the search saw reaches this goal
        keys = sorted(folder.parent.name for folder in context.folder.glob("finetuned/*/network"))
        found = [tuned(context, key) for key in keys]
        yield from found
        if any(each.files.validation_error <= baseline.files.validation_error for each in found):
            return


def best_uniform(plan: Plan, *, error: float, latency_ms: float, count: int, up_to: float) -> Uniform | None:
    """Return the winner of successive halving among uniform networks that is as good.

    All uniform networks of a span of predicted latencies are evaluated in the supernet; the best and those of the most
    FLOPs enter, as in ``nasweave finetune``. The spans follow each other until a winner is as good.
    """
    context, supernet, tuner = plan.context, plan.run(TRAIN), plan.run(FINETUNER)
    data, space = context.data, context.space
    every = every_uniform(space)
    cost_function = plan.run(DEVICES).costs(space.encode(every))
    slower, flops = (
        cost_function["latency_ms"] / latency_ms,
        dict(zip(every, cost_function["flops"].tolist(), strict=True)),
    )
    evaluator = Evaluator(data, split=data.validation, bf16=True, examples=EXAMPLES)
    steps = context.config.finetune.steps

    def error_after(architecture: Architecture, steps: int) -> float:
        return tuner(architecture, steps=steps).error

    for low, high in pairwise(s for s in SLOWER if s <= up_to):
        within = [a for a, times in zip(every, slower, strict=True) if low < times <= high]
        if not within:
            continue
        errors = {a: evaluator(supernet, a).error for a in within}
        entered = initial_configurations(errors, {a: flops[a] for a in within}, count)
        winner, _ = successive_halving(entered, steps=steps, error_after=error_after)
        done = tuner(winner, steps=steps)
        if done.error <= error:
            test_error = evaluate(done.network, data=data, split=data.test)
            return Uniform(architecture=winner, validation_error=done.error, test_error=test_error)
    return None
