"""One search by several processes: each asks, claims, evaluates, records and tells; none does another's work.

The claims (:class:`runs.store.Claims`) decide who evaluates what. A network is recorded first, its trial finished
second, its claim third. Whoever takes over a dead worker's claim therefore finds how far it came: the record or the
finished trial is completed without an evaluation; else the same trial is evaluated once more, by one worker, once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from runs.search.config import WorkersConfig
from runs.search.optuna.genes import genes_of, params_of_trial
from runs.search.optuna.sampler import Problem
from runs.search.optuna.study import REASON, fail, finish, storage_errors
from runs.search.recorder import Recorder
from runs.search.workers.patience import Patience
from runs.search.workers.session import (
    DUPLICATE_OF,
    DUPLICATES_IN_A_ROW,
    FAILURES_IN_A_ROW,
    Evaluate,
    SearchError,
    Session,
)
from runs.store import Claim, Claims
from search_space import Architecture, Genes, SearchSpace
from search_space.errors import StoreError

__all__ = ["SharedSearch", "WorkerGroup", "at_work"]

T = TypeVar("T")
_POLL_S = 0.5
_ATTEMPTS = 2
_log = logging.getLogger("nasweave.runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerGroup:
    """A search that is shared.

    Parameters
    ----------
    claims
        What this process and the others have taken.
    config
        How they watch each other.
    versions
        What all must have the same, beside the search itself, by name: the code, the checkpoint.
    """

    claims: Claims
    config: WorkersConfig = field(default_factory=WorkersConfig)
    versions: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def at_work(worker_group: WorkerGroup, identity: Mapping[str, object]) -> Iterator[None]:
    """Be one of the workers of a search, with heartbeats from a thread of their own.

    Raises
    ------
    StoreError
        A living worker has another identity or other versions.
    """
    claims, every_s, stop = worker_group.claims, worker_group.config.heartbeat_s, threading.Event()
    Patience(worker_group.config.patience_s)(lambda: claims.join({**identity, **worker_group.versions}))

    def beat() -> None:
        while not stop.wait(every_s):
            with suppress(StoreError):  # the search itself waits for the database, or says that it is gone
                claims.beat()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        with suppress(StoreError):  # others notice the silence then
            claims.leave()


class SharedSearch(Session):
    """One worker's part in a search.

    Parameters
    ----------
    crew
        The workers.
    storage_url
        The study's database, for messages.
    """

    def __init__(
        self,
        space: SearchSpace,
        problem: Problem,
        study: Study,
        evaluate: Evaluate | None,
        recorder: Recorder,
        *,
        worker_group: WorkerGroup,
        storage_url: str,
    ) -> None:
        super().__init__(space, problem, study, evaluate, recorder)
        self.claims, self.config, self.patience = (
            worker_group.claims,
            worker_group.config,
            Patience(worker_group.config.patience_s),
        )
        self.record = recorder
        self.storage_url = storage_url
        self.failures_in_a_row = 0
        self._mended_at = -float("inf")

    def run(self, progress: Callable[[int, int, str], None]) -> bool:
        """Work until enough networks are done by all workers; return whether the space ran out of networks."""
        total, networks = self.problem.n_trials, round(10.0 ** min(self.space.log10_size, 15.0))
        self._persist(self._begin)
        duplicates, exhausted = 0, False
        progress(self._persist(self.claims.counts).complete, total, "search")
        while True:
            self._recover(progress)
            place = None if exhausted else self._persist(lambda: self.claims.reserve(total))
            if place is None:
                counts = self._persist(self.claims.counts)
                if counts.running == 0 or counts.complete >= total:
                    break
                time.sleep(min(_POLL_S, self.config.heartbeat_s))
                continue
            trial, row, architecture = self._persist(self.ask)
            claim = self._take(place, trial, architecture)
            if claim is None:
                duplicates += 1
                counts = self._persist(self.claims.counts)
                if duplicates == DUPLICATES_IN_A_ROW or counts.taken >= networks:
                    _log.warning("the space has no further network: the search ends after %d", counts.complete)
                    self._persist(partial(self.claims.release, place))
                    exhausted = True
                continue
            duplicates = 0
            self._work(claim, trial, row, architecture, progress)
        self._mended_at = -float("inf")
        self._recover(progress)
        self._persist(self.read)
        return exhausted

    # -------------------------------------------------------------- one network

    def _take(self, place: Claim, trial: Trial, architecture: Architecture) -> Claim | None:
        """Claim the network of a trial; one that is taken ends the trial."""
        try:
            claim = self._persist(lambda: self.claims.take(place, key=architecture.key, trial_number=trial.number))
        except LookupError as error:
            reason = str(error)
            self._persist(lambda: self._end(trial, reason))
            return None
        if (claim.worker, claim.trial_number) == (self.claims.worker, trial.number):
            return claim
        self._persist(lambda: self._repeat(trial, claim))
        return None

    def _work(
        self,
        claim: Claim,
        trial: Trial,
        row: Genes,
        architecture: Architecture,
        progress: Callable[[int, int, str], None],
    ) -> None:
        """Evaluate a network that this worker has claimed, and tell everyone."""
        key = architecture.key
        try:
            values = self.recorded[key] if key in self.recorded else self._persist(lambda: self.evaluate(architecture))
        except StoreError:
            raise
        except Exception as error:  # whatever an evaluation raises is that network's failure
            self.failures_in_a_row += 1
            _log.warning("trial %d failed: %r", trial.number, error)
            reason = repr(error)[:500]
            self._persist(lambda: self._give_up(claim, trial, reason))
            if self.failures_in_a_row == FAILURES_IN_A_ROW:
                raise SearchError(
                    "search",
                    expected="evaluations that work",
                    got=f"{FAILURES_IN_A_ROW} failures in a row, the last: {error!r}",
                    remedy="mend the cause and repeat the command: it continues where it stopped",
                ) from error
            return
        self.failures_in_a_row = 0
        everything = {**self.cost_function(row), **values}
        self._persist(lambda: self._complete(claim, trial, architecture, everything))
        progress(self._persist(self.claims.counts).complete, self.problem.n_trials, self.line(everything))

    def _complete(self, claim: Claim, trial: Trial, architecture: Architecture, values: Mapping[str, float]) -> None:
        """Record a network, finish its trial, then its claim; done twice, it changes nothing."""
        if not self.claims.is_mine(claim):
            _log.warning("trial %d was taken over by another worker, for this one was silent too long", trial.number)
            return
        self.record.add(architecture.key, architecture=architecture, values=values, trial_number=trial.number)
        if claim.attempt > 1:  # the worker before may have recorded it, with other noise
            values = self.record.known()[architecture.key]
        with suppress(UpdateFinishedTrialError):
            finish(
                self.study,
                trial,
                values=self.objective_values(values),
                constraints=self.problem.budget.constraints(values),
            )
        self.claims.finish(claim, "complete")

    def _give_up(self, claim: Claim, trial: Trial, reason: str) -> None:
        if self.claims.is_mine(claim):
            self._end(trial, reason)
            self.claims.finish(claim, "failed", reason=reason)

    def _end(self, trial: Trial, reason: str) -> None:
        with suppress(UpdateFinishedTrialError):
            fail(self.study, trial, reason)

    def _repeat(self, trial: Trial, claim: Claim) -> None:
        """Finish a trial whose network another one has, as that one is finished."""
        first = next((t for t in self.study.get_trials(deepcopy=False) if t.number == claim.trial_number), None)
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(DUPLICATE_OF, claim.trial_number)
            if first is not None and first.state == TrialState.COMPLETE:
                finish(self.study, trial, values=first.values, constraints=first.constraints)
            elif claim.state == "failed":
                fail(self.study, trial, f"failed before, in trial {claim.trial_number}")
            else:
                fail(self.study, trial, f"worker {claim.worker} evaluates it, in trial {claim.trial_number}")

    # ------------------------------------------------------ what others left

    def _begin(self) -> None:
        """Learn what is recorded, and note what was finished before the search was shared."""
        self.recorded.update(self.record.known())
        complete = [
            (t.number, genes_of(self.space, params_of_trial(t)))
            for t in self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
            if DUPLICATE_OF not in t.user_attrs
        ]
        known = [(number, self.space.decode(row[None])[0].key) for number, row in complete if row is not None]
        self.claims.adopt([(key, number, "complete") for number, key in known])

    def _recover(self, progress: Callable[[int, int, str], None]) -> None:
        """Take over what dead workers left, at most once in a heartbeat."""
        if time.monotonic() - self._mended_at < self.config.heartbeat_s:
            return
        self._mended_at = time.monotonic()
        for left in self._persist(self.claims.abandoned):
            claim = self._persist(partial(self.claims.take_over, left))
            if claim is not None:
                _log.warning("worker %s ended during trial %s: this one takes it over", left.worker, left.trial_number)
                self._take_up(claim, progress)
        self._persist(self._end_unclaimed)

    def _take_up(self, claim: Claim, progress: Callable[[int, int, str], None]) -> None:
        trials = self._persist(lambda: self.study.get_trials(deepcopy=False))
        frozen = next(t for t in trials if t.number == claim.trial_number)
        trial, row = Trial(self.study, frozen._trial_id), genes_of(self.space, params_of_trial(frozen))
        assert row is not None, "a network is claimed after its parameters are written"
        architecture = self.space.decode(row[None])[0]
        if frozen.state == TrialState.COMPLETE:
            self._persist(lambda: self.claims.finish(claim, "complete"))
        elif frozen.state == TrialState.FAIL:
            reason = str(frozen.user_attrs.get(REASON, ""))
            self._persist(lambda: self.claims.finish(claim, "failed", reason=reason))
        elif (values := self._persist(self.record.known).get(architecture.key)) is not None:
            self._persist(lambda: self._complete(claim, trial, architecture, values))
        elif claim.attempt > _ATTEMPTS:
            reason = "its workers ended during its evaluation, twice"
            self._persist(lambda: self._give_up(claim, trial, reason))
        else:
            self._work(claim, trial, row, architecture, progress)

    def _end_unclaimed(self) -> None:
        """Fail the trials of workers that died between asking for a network and taking it."""
        running: dict[int, FrozenTrial] = {
            t.number: t for t in self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
        }
        for number in self.claims.unclaimed(running):
            self._end(Trial(self.study, running[number]._trial_id), "the worker ended before it took a network")

    def _persist(self, action: Callable[[], T]) -> T:
        """Do what a database that has gone away may interrupt, again when it is back."""

        def once() -> T:
            with storage_errors(self.storage_url):
                return action()

        return self.patience(once)
