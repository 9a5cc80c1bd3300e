"""What the model card of an exported network says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runs.environment import versions
from runs.evaluation.finetuning import FinetunedFiles
from runs.export import CardData
from runs.objectives import TRAINING_STEPS
from runs.pipeline.context import Context
from runs.reports.units import quantity
from runs.search import SearchConfig
from runs.store import Candidate
from supernet.tasks import TASKS

__all__ = ["card_data"]


def card_data(
    context: Context,
    candidate: Candidate,
    *,
    tuned: FinetunedFiles | None,
    parity: dict[str, dict[str, Any]],
    files: dict[str, int],
) -> CardData:
    """Return what the card of an exported network says."""
    final = dict(candidate.final or {})
    validation_error = candidate.values["validation_error"]
    if tuned is not None:
        validation_error, final["test_error"] = tuned.validation_error, tuned.test_error
    device = f"{context.device.cpu_model}, {context.setting}"
    measured = {f"validation {context.data.metric}": context.data.metric.text(validation_error)}
    if "test_error" in final:
        measured[f"test {context.data.metric}"] = context.data.metric.text(final["test_error"])
    if "latency_ms" in final:
        measured[f"latency, measured ({device})"] = quantity(final["latency_ms"], "ms")
    measured |= _phases(context, candidate, final, parity)
    if "energy_mj" in final:
        measured[f"energy, measured ({device})"] = quantity(final["energy_mj"], "mJ")
    if "latency_ms" in candidate.predicted:
        measured["latency, predicted"] = quantity(candidate.predicted["latency_ms"], "ms")
    for name, unit in (("size_bytes", "bytes"), ("params", "count"), ("flops", "count")):
        measured[name.removesuffix("_bytes")] = quantity(candidate.values[name], unit)
    test_error = final.get("test_error")
    as_metric = None if test_error is None else context.data.metric.value(test_error)
    space, config, brief = context.space, context.config, context.brief
    finetuned = ", finetuned" if tuned is not None else "" if brief is None else f", finetuned for {brief.steps} steps"
    trained = f"trained for {candidate.values[TRAINING_STEPS]:.0f} steps" if TRAINING_STEPS in candidate.values else ""
    return CardData(
        architecture=candidate.architecture,
        shape=context.data.shape,
        task=config.task.name,
        kind=context.data.kind,
        metric=context.data.metric,
        test_value=as_metric,
        measured=measured,
        found={
            "search space": f"{space.name}, 10^{space.log10_size:.1f} networks, fingerprint {space.fingerprint}",
            "objectives": ", ".join(config.search.objectives),
            "search": _search_text(config.search),
            "came from": candidate.source,
            "weights": trained or f"supernet {context.supernet_fingerprint}{finetuned}",
            "data": f"{config.task.name}, {context.data.data_hash}",
        },
        environment=versions(),
        parity=parity,
        files=files,
        found_in=f"in a search in fidelities, where it was {trained}"
        if trained
        else "in a weight-sharing supernet, extracted",
        command=f"{context.command.export} key={candidate.key}",
        licence=TASKS[config.task.name].licence if context.pretrained is None else "other",
        source=TASKS[config.task.name].source
        if context.pretrained is None
        else f"{TASKS[config.task.name].source} and the checkpoint {context.pretrained}",
    )


def _phases(
    context: Context, candidate: Candidate, final: Mapping[str, Any], parity: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return what the phases of a language model cost; nothing of other networks."""
    if not context.data.shape.causal:
        return {}
    length = context.data.shape.seq_len
    prompt, room = context.setting.tokens or length, context.decode_target.setting.tokens or length
    texts: dict[str, str] = {}
    if "latency_ms" in final:
        texts[f"time to the first token of a prompt of {prompt}, measured"] = quantity(final["latency_ms"], "ms")
    if "decode_ms" in final:
        texts[f"decoding of a token with room for {room}, measured"] = quantity(final["decode_ms"], "ms")
        rate = 1e3 * context.setting.batch_size / final["decode_ms"]
        texts["tokens a second, measured"] = quantity(rate, "")
    if "cache_bytes" in candidate.values:
        texts[f"cache with room for {room}"] = quantity(candidate.values["cache_bytes"], "bytes")
    step = parity.get("decode", {})
    if "decode_ms" in step:
        texts["decoding of a token by generate.py, in a process of its own"] = quantity(step["decode_ms"], "ms")
    return texts


def _search_text(config: SearchConfig) -> str:
    if config.method == "fidelities":
        return f"in fidelities, {config.fidelities.seconds:g} s of training at most, seed {config.seed}"
    return f"{config.sampler}, {config.n_trials} networks, seed {config.seed}"
