"""Train the chosen network of a search in fidelities further."""

from __future__ import annotations

from runs.evaluation.quality import named
from runs.evaluation.trained import TrainedNetworks
from runs.lock import exclusive
from runs.objectives import TRAINING_STEPS
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.pipeline.search_record import SearchRecord, found_networks
from runs.pipeline.stages.data.references import REFERENCES
from runs.pipeline.stages.devices import DEVICES
from runs.pipeline.stages.trained.fidelities import FIDELITY_SEARCH, TRAINED_NETWORKS
from runs.pipeline.trained_records import record_trained
from runs.profiling.devices import Devices
from runs.reports import SimpleModel

__all__ = ["TRAIN_FURTHER"]


def further(context: Context, known: Devices, networks: TrainedNetworks, simple_models: tuple[SimpleModel, ...]) -> str:
    """Train the network that ``config.key`` names for ``finetune.steps`` more steps; returns its key.

    Its weights, and what is known of its quality, take the place of those before; an interrupted training continues.
    """
    data, steps = context.data, context.config.finetune.steps
    with exclusive(context.lock):
        candidate = found_networks(context, known, simple_models).choose(context.config.key)
        architecture = candidate.architecture
        rounds = networks.rounds_of(architecture)
        done = round(candidate.values.get(TRAINING_STEPS, 0.0))
        with context.reporter.progress(f"train {candidate.key} further"):
            quality = rounds.train(architecture, steps=done + steps)
            trained = rounds.steps(architecture)  # more where an interrupted call was asked for more
        record_trained(
            context,
            known,
            architecture,
            named(quality),
            steps=trained,
            source=candidate.source,
            trial_number=candidate.trial_number,
        )
        SearchRecord.forget_estimate(context, candidate.key)
    change = f"{data.metric.text(candidate.values['validation_error'])} -> {data.metric.text(quality.error)}"
    context.reporter.message(
        f"finetune: {candidate.key}, validation {data.metric} {change} after {trained - done} more steps"
    )
    return candidate.key


TRAIN_FURTHER = Stage(
    name="finetune", run=further, needs=(DEVICES, TRAINED_NETWORKS, REFERENCES), after=(FIDELITY_SEARCH,)
)
