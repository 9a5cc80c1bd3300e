"""A worker of a shared search, and what must hold when all have left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState

from runs.objectives import Budget
from runs.search import SearchResult, StoreRecorder, StudyRecord, WorkerGroup, WorkersConfig, build_sampler, run_search
from runs.search.optuna.genes import genes_of
from runs.search.optuna.private import constraints_of
from runs.search.optuna.storage import open_storage
from runs.store import Claims, Store
from search_space import Architecture
from tests.runs.search.problem import SyntheticQuality

FAST = WorkersConfig(heartbeat_s=0.05, grace_s=0.4, patience_s=5.0)
CALM = WorkersConfig(heartbeat_s=0.05, grace_s=30.0, patience_s=5.0)  # nobody is taken for dead on a slow machine


def work(
    bench: SyntheticQuality,
    url: str,
    name: str,
    n: int = 12,
    evaluate: Callable[[Architecture], Any] | None = None,
    **changes: Any,
) -> SearchResult:
    """Be one worker until the search has ``n`` networks."""
    space = bench.space
    with Store.open(url) as store:
        run = store.open_run("r", task="t", name="n", space_fingerprint=space.fingerprint, space_json=space.to_json())
        watch = changes.pop("watch", CALM)
        claims = Claims(store, run_id=run.id, worker=name, grace_s=watch.grace_s)
        problem = bench.problem(n, budget=Budget(limits={"flops": 1e6}))
        return run_search(
            space,
            problem=problem,
            sampler=build_sampler(changes.pop("sampler", "random"), space, problem=problem),
            evaluate=evaluate or bench.evaluate,
            record=StudyRecord(
                name="s",
                storage_url=url,
                recorder=StoreRecorder(store, run_id=run.id),
                identity=changes.pop("identity", {}),
            ),
            worker_group=WorkerGroup(claims=claims, config=watch, versions=changes.pop("versions", {"code": "1"})),
            **changes,
        )


def check(bench: SyntheticQuality, url: str, n: int, *, failed: int = 0) -> list[optuna.trial.FrozenTrial]:
    """Every network is recorded, claimed and complete in the study, once; returns the trials."""
    with Store.open(url) as store:
        run = store.runs()[0]
        recorded = {c.key: c for c in store.candidates(run.id)}
        counts = Claims(store, run_id=run.id, worker="observer", grace_s=1.0).counts()
    with open_storage(url) as storage:
        trials = optuna.load_study(
            study_name="s", storage=storage, sampler=optuna.samplers.RandomSampler(seed=0)
        ).trials
    complete = [t for t in trials if t.state == TrialState.COMPLETE and "duplicate_of" not in t.user_attrs]
    keys = [bench.space.decode(genes_of(bench.space, t.params)[None])[0].key for t in complete]
    assert len(keys) == len(set(keys)) == n and set(keys) == recorded.keys()
    assert (counts.running, counts.complete, counts.failed) == (0, n, failed)
    assert not [t for t in trials if not t.state.is_finished()]
    for key, trial in zip(keys, complete, strict=True):
        assert trial.values == [recorded[key].values["validation_error"], recorded[key].values["latency_ms"]]
        assert constraints_of(trial) == {"flops": recorded[key].values["flops"] / 1e6 - 1.0}
    return trials
