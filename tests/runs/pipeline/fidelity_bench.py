"""A search in fidelities of tiny networks in a folder, by this process alone or as one of several workers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import optuna

from predictors.cost import CostModel
from runs.evaluation.rounds import RoundsEvaluator, Trainers, random_start
from runs.objectives import Budget, objectives_by_name
from runs.pipeline.context import Command
from runs.pipeline.stages.trained import fidelities
from runs.pipeline.stages.trained.together import buy_together
from runs.reporter import SilentReporter
from runs.search import WorkerGroup, WorkersConfig
from runs.search.config import SearchConfig
from runs.search.fidelities import FidelitiesConfig
from runs.search.optuna.storage import open_storage
from runs.search.testing import small_space
from runs.store import Claims, Store
from supernet.tasks import TASKS
from supernet.training import TrainingConfig
from supernet.training.rounds import training

ROUNDS = 9
WATCH = WorkersConfig(heartbeat_s=0.1, grace_s=2.0, patience_s=5.0)
TRAINING = TrainingConfig(
    steps=40, batch_size=16, learning_rate=0.003, weight_decay=0.01, checkpoint_every=3, warmup_steps=2
)


@dataclass
class Bench:
    """A search in a folder, as the stage runs it."""

    space: Any
    folder: Path
    data: Any
    processes: int = 1
    most: int = ROUNDS
    rungs: tuple[int, ...] = (4, 8, 16)
    objectives: tuple[str, ...] = ("validation_error", "flops")
    limits: dict[str, float] | None = None
    url: str = ""
    watch: WorkersConfig = WATCH
    seed: int = 0

    def __post_init__(self) -> None:
        self.store_url = self.url or f"sqlite:///{self.folder}/study.db"

    def rounds(self) -> RoundsEvaluator:
        start = random_start(self.space, seed=0)
        return RoundsEvaluator(
            self.space, self.data, TRAINING, folder=self.folder / "networks", start=start, origin="test"
        )

    def context(self, store: Store) -> Any:
        settings = FidelitiesConfig(
            time_budget="1h",
            rungs=self.rungs,
            initial=3,
            batch=2,
            max_rounds=self.most,
            processes=self.processes,
            precisions="all",
        )
        search = SearchConfig(
            n_trials=1, objectives=self.objectives, method="fidelities", fidelities=settings, seed=self.seed
        )
        run = store.open_run("digits/x", task="digits", name="x", space_fingerprint="f", space_json="{}")
        return SimpleNamespace(
            config=SimpleNamespace(
                search=search,
                store=self.store_url,
                workers=self.watch,
                evaluation=SimpleNamespace(examples=None),
                hardware=SimpleNamespace(cache_tokens=None),
                search_seconds=lambda teacher: search.fidelities.seconds,
            ),
            command=Command(),
            folder=self.folder,
            space=self.space,
            data=self.data,
            store=store,
            run=run,
            costs=CostModel(self.space),
            objectives=objectives_by_name(self.objectives),
            budget=Budget(limits=self.limits or {}),
            reporter=SilentReporter(),
            weights_fingerprint="w",
        )

    @contextmanager
    def opened(self) -> Iterator[tuple[Any, Any]]:
        """Give the context of the run and what is known of its devices."""
        self.folder.mkdir(exist_ok=True)
        costs = CostModel(self.space)
        known = SimpleNamespace(
            costs=lambda genes: {
                "flops": costs.flops(genes).astype(float),
                "params": costs.params(genes).astype(float),
            },
            predicted=lambda architecture: {},
            fingerprints={},
            decode_fingerprint=None,
            fingerprint="p",
        )
        with Store.open(self.store_url) as store:
            yield self.context(store), known

    def search(self) -> dict[str, int]:
        """Search, or go on; returns the last trial of each network."""
        with self.opened() as (context, known):
            return dict(fidelities._searched(context, known, Trainers(*(self.rounds(),) * 2), ()).trials)

    def work(self, name: str, *, code: str = "1") -> dict[str, float]:
        """Be a worker until the search is over; returns what the model takes for each error."""
        with self.opened() as (context, known), fidelities.opened_study(context, known) as study:
            claims = Claims(context.store, run_id=context.run.id, worker=name, grace_s=self.watch.grace_s)
            group = WorkerGroup(claims=claims, config=self.watch, versions={"code": code})
            trainers = Trainers(*(self.rounds(),) * 2)
            return buy_together(context, known, trainers, study=study, group=group, simple_models=())

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """Return the trials of the study, wherever it is."""
        with open_storage(self.store_url) as storage:
            return optuna.load_study(study_name="digits/x", storage=storage).trials

    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="digits/x", storage=self.store_url)

    def found(self) -> list[tuple[Any, ...]]:
        """Return all rounds in order: network, steps and values, without what they cost."""
        rows = []
        for trial in self.trials():
            detail = {k: v for k, v in trial.user_attrs["observation"].items() if k != "seconds"}
            rows.append((trial.state.name, json.dumps(detail, sort_keys=True), tuple(trial.values or ())))
        return rows

    def candidates(self) -> dict[str, Any]:
        with Store.open(self.store_url) as store:
            run = store.open_run("digits/x", task="digits", name="x", space_fingerprint="f", space_json="{}")
            return {c.key: c for c in store.candidates(run.id)}

    def weights(self) -> dict[str, bytes]:
        return {p.parent.name: p.read_bytes() for p in self.folder.glob("networks/*/*.safetensors")}


def shared_bench(folder: Path, url: str, **changes: Any) -> Bench:
    """Return the search that workers share, the same one in every process."""
    data = TASKS["digits"].load()
    space = small_space(task=data.shape, depth=[1, 2], embed_dim=[16, 24], precision=["float"])
    return Bench(space, folder, data, url=url, **changes)


def _die_after(saves: int) -> None:
    """End this process, as kill -9 does, when it has written so many checkpoints."""
    original, done = training.save_checkpoint, 0

    def save(*args: Any) -> None:
        nonlocal done
        original(*args)
        done += 1
        if done == saves:
            os.kill(os.getpid(), signal.SIGKILL)

    mock.patch.object(training, "save_checkpoint", save).start()


def work(folder: Path, url: str, name: str, dies_after: int | None = None) -> None:
    """Take part in a shared search, in a process of its own."""
    if dies_after is not None:
        _die_after(dies_after)
    shared_bench(folder, url).work(name)
