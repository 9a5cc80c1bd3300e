"""Fit simple models to the task's data, once: what a report compares the front with."""

from __future__ import annotations

from dataclasses import asdict

from runs.evaluation.quality import FIRST_METRICS
from runs.evaluation.references import simple_models
from runs.pipeline.context import Context
from runs.pipeline.plan import Stage
from runs.reports import SimpleModel

__all__ = ["REFERENCES"]

_NAME = "references"
_fitted: dict[str, tuple[SimpleModel, ...]] = {}  # by data and metric: other runs of this process have them too


def references(context: Context) -> tuple[SimpleModel, ...]:
    """Return the simple models; those that an earlier command fitted to the same data, and judged alike, are read."""
    kept, data = context.store.stage(context.run.id, _NAME), context.data
    fingerprint = data.data_hash if data.metric.key in FIRST_METRICS else f"{data.data_hash}-{data.metric}"
    if kept is not None and kept.fingerprint == fingerprint:
        try:
            return tuple(SimpleModel(**fields) for fields in kept.detail["models"])
        except (KeyError, TypeError, ValueError) as error:
            context.reporter.warning(f"the simple models of an earlier command are damaged ({error}): fitted again")
    with context.reporter.progress("simple models") as progress:  # two processes come to the same
        models = _fitted.get(fingerprint) or simple_models(data)
        _fitted[fingerprint] = models
        progress(len(models), len(models), ", ".join(m.name for m in models))
        detail = {"models": [asdict(m) for m in models]}
        context.store.finish_stage(context.run.id, _NAME, fingerprint=fingerprint, detail=detail)
    return models


REFERENCES = Stage(name=_NAME, run=references)
