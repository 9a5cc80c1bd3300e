"""What the database keeps of a run's search: its record, and its candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, TypeVar

from runs.evaluation.candidates import FoundNetworks, found_candidates
from runs.objectives import trained_for
from runs.objectives.front import quality_of
from runs.pipeline.context import Context
from runs.profiling.devices import Devices
from runs.reports import SimpleModel
from runs.store import Store
from search_space.errors import StoreError
from search_space.metric import Metric

__all__ = ["SearchRecord", "found_networks"]

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRecord:
    """The trials of a search, and what it was searched with.

    Parameters
    ----------
    seconds
        The time of each stage in all commands.
    trials
        The trial of every network that the search evaluated, by key.
    objectives, sampler, seed, budget, method
        What it was searched with; earlier versions kept no sampler, seed, budget and method.
    metric
        What the validation error stands for; earlier versions, which had one for each kind of task, kept none.
    estimates
        What the model of a search in fidelities takes for the value that networks were trained for, by key.
    """

    STAGE: ClassVar[str] = "search"

    seconds: Mapping[str, float]
    trials: Mapping[str, int]
    objectives: tuple[str, ...]
    sampler: str = ""
    seed: int | None = None
    budget: Mapping[str, float] | None = None
    method: str = ""
    metric: Metric | None = None
    estimates: Mapping[str, float] = field(default_factory=dict)

    @property
    def searched_by(self) -> str:
        """What ``search=`` chose: a sampler, or the search in fidelities, which has none."""
        return self.sampler if self.method != "fidelities" else self.method

    @classmethod
    def of(cls, context: Context, *, trials: Mapping[str, int], seconds: Mapping[str, float]) -> SearchRecord:
        """Return the record of the search that a run is configured for."""
        config = context.config.search
        return cls(
            seconds=seconds,
            trials=trials,
            objectives=tuple(config.objectives),
            sampler=config.sampler,
            seed=config.seed,
            budget=context.budget.limits,
            method=config.method,
            metric=context.data.metric,
        )

    @classmethod
    def load(cls, store: Store, run_id: int) -> SearchRecord | None:
        """Return the record of a run, if its search was begun."""
        stage = store.stage(run_id, cls.STAGE)
        if stage is None:
            return None
        try:
            return cls._from_dict(stage.detail)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"stage {cls.STAGE} of run {run_id}",
                expected="the record of a search in the database",
                got=f"{stage.detail}"[:80] + f" ({type(error).__name__}: {error})",
                remedy="restore the database, or choose another name= for a new run",
            ) from error

    @classmethod
    def _from_dict(cls, detail: Mapping[str, Any]) -> SearchRecord:
        seconds, trials, objectives = detail["seconds"], detail["trials"], detail["objectives"]
        budget, seed, sampler = detail.get("budget"), detail.get("seed"), detail.get("sampler", "")
        method = detail.get("method", "")
        if not isinstance(objectives, list) or not all(isinstance(name, str) for name in objectives):
            raise TypeError("objectives that are no list of names")
        if not isinstance(method, str) or not isinstance(sampler, str) or not (seed is None or type(seed) is int):
            raise TypeError("no name of a sampler, or no seed")
        return cls(
            seconds=_numbers(seconds, float),
            trials=_numbers(trials, int),
            objectives=tuple(objectives),
            sampler=sampler,
            seed=seed,
            budget=None if budget is None else _numbers(budget, float),
            method=method,
            metric=None if detail.get("metric") is None else Metric(**detail["metric"]),
            estimates=_numbers(detail.get("estimates", {}), float),
        )

    def save(self, store: Store, run_id: int, *, fingerprint: str) -> None:
        """Keep the record, in place of the one before."""
        detail = {
            "seconds": dict(self.seconds),
            "trials": dict(self.trials),
            "objectives": list(self.objectives),
            "sampler": self.sampler,
            "seed": self.seed,
            "budget": dict(self.budget or {}),
            "method": self.method,
            "metric": None if self.metric is None else asdict(self.metric),
            "estimates": dict(self.estimates),
        }
        store.finish_stage(run_id, self.STAGE, fingerprint=fingerprint, detail=detail)

    @classmethod
    def note(
        cls,
        context: Context,
        *,
        seconds: Mapping[str, float],
        trials: Mapping[str, int] | None = None,
        estimates: Mapping[str, float] | None = None,
    ) -> SearchRecord:
        """Keep further time spent on the run, and what its search has by now; returns the record.

        A search that found nothing new keeps the budget that it was searched under.
        """
        before = cls.load(context.store, context.run.id)
        assert before is not None, "the check before has begun it"
        record = before if trials is None else cls.of(context, trials=trials, seconds=before.seconds)
        if record.trials.keys() == before.trials.keys() and before.budget is not None:
            record = replace(record, budget=before.budget)
        names = {**record.seconds, **seconds}
        total = {name: record.seconds.get(name, 0.0) + seconds.get(name, 0.0) for name in names}
        record = replace(record, seconds=total, estimates=before.estimates if estimates is None else estimates)
        record.save(context.store, context.run.id, fingerprint=context.weights_fingerprint)
        return record

    @classmethod
    def forget_estimate(cls, context: Context, key: str) -> None:
        """Forget what the search took for the error of a network that is another one now."""
        record = cls.load(context.store, context.run.id)
        if record is not None and key in record.estimates:
            kept = {name: error for name, error in record.estimates.items() if name != key}
            replace(record, estimates=kept).save(context.store, context.run.id, fingerprint=context.weights_fingerprint)


def _numbers(entries: Any, kind: type[_Number]) -> dict[str, _Number]:
    if not isinstance(entries, dict) or not all(type(n) in (int, kind) for n in entries.values()):
        raise TypeError("no numbers by name")
    return {name: kind(number) for name, number in entries.items()}


def found_networks(context: Context, known: Devices, simple_models: Sequence[SimpleModel] = ()) -> FoundNetworks:
    """Return the evaluated networks of a run, as its search sees them; simple models say what a knee must reach."""
    record = SearchRecord.load(context.store, context.run.id)
    estimates = {} if record is None else record.estimates
    is_error = quality_of(context.objectives).name == "validation_error"
    return FoundNetworks(
        candidates=found_candidates(context.store, context.run.id, space=context.space, cost_function=known.costs),
        objectives=context.objectives,
        budget=context.budget,
        estimates={trained_for(context.objectives): estimates} if estimates else {},
        enough=min((m.validation_error for m in simple_models), default=None) if is_error else None,
    )
