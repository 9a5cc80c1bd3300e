"""One search by several processes: each asks, claims, evaluates, records and tells; none does another's work.

The claims (:class:`runs.store.Claims`) decide who evaluates what. A network is recorded first, its trial finished
second, its claim third. Whoever takes over a dead worker's claim therefore finds how far it came: the record or the
finished trial is completed without an evaluation; else the same trial is evaluated once more, by one worker, once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from runs.search.optuna.genes import architecture_of_trial, genes_of, params_of_trial
from runs.search.optuna.private import constraints_of, running_trial
from runs.search.optuna.study import REASON, fail, finish
from runs.search.problem import Problem
from runs.search.recorder import Recorder
from runs.search.workers.group import WorkerGroup
from runs.search.workers.member import ATTEMPTS, Member
from runs.search.workers.session import DUPLICATE_OF, DUPLICATES_IN_A_ROW, Evaluate, Progress, Session
from runs.store import Claim
from search_space import Architecture, Genes, SearchSpace

__all__ = ["SharedSearch"]

_log = logging.getLogger("nasweave.runs")


class SharedSearch(Session):
    """One worker's part in a search.

    Parameters
    ----------
    space, problem, study, evaluate, recorder
        As every session has them.
    worker_group
        The workers.
    storage_url
        The study's database, for messages.
    progress
        Called with the networks done, those wanted and a message.
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
        progress: Progress,
    ) -> None:
        super().__init__(space, problem, study, evaluate, recorder)
        self.member = Member(worker_group, storage_url=storage_url)
        self.claims, self._persist = self.member.claims, self.member.persist
        self.record, self.progress = recorder, progress

    def run(self) -> bool:
        """Work until enough networks are done by all workers; return whether the space ran out of networks."""
        total = self.problem.n_trials
        self._persist(self._begin)
        duplicates, exhausted = 0, False
        self.progress(self._persist(self.claims.counts).complete, total, "search")
        while True:
            self._recover()
            place = None if exhausted else self._persist(lambda: self.claims.reserve(total))
            if place is None:
                counts = self._persist(self.claims.counts)
                if counts.running == 0 or counts.complete >= total:
                    break
                self.member.wait()
                continue
            trial, row, architecture = self._persist(self.ask)
            claim = self._take(place, trial, architecture)
            if claim is None:
                duplicates += 1
                counts = self._persist(self.claims.counts)
                if duplicates == DUPLICATES_IN_A_ROW or counts.taken >= self.num_networks:
                    _log.warning("the space has no further network: the search ends after %d", counts.complete)
                    self._persist(partial(self.claims.release, place))
                    exhausted = True
                continue
            duplicates = 0
            self._work(claim, trial, row, architecture)
        self._recover(now=True)
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

    def evaluate(self, architecture: Architecture) -> dict[str, float]:
        """Return the evaluated values by name; what the evaluation needs of the database is waited for."""
        return self._persist(lambda: super(SharedSearch, self).evaluate(architecture))

    def _work(self, claim: Claim, trial: Trial, row: Genes, architecture: Architecture) -> None:
        """Evaluate a network that this worker has claimed, record it and tell the study."""
        values = self.attempt(
            trial, architecture, give_up=lambda reason: self._persist(lambda: self._give_up(claim, trial, reason))
        )
        if values is None:
            return
        everything = {**self.costs(row), **values}
        self._persist(lambda: self._complete(claim, trial, architecture, everything))
        self.progress(self._persist(self.claims.counts).complete, self.problem.n_trials, self.line(everything))

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
                finish(self.study, trial, values=first.values, constraints=constraints_of(first))
            elif claim.state == "failed":
                fail(self.study, trial, f"failed before, in trial {claim.trial_number}")
            else:
                fail(self.study, trial, f"worker {claim.worker} evaluates it, in trial {claim.trial_number}")

    # ------------------------------------------------------ what others left

    def _begin(self) -> None:
        """Learn what is recorded, and note what was finished before the search was shared."""
        self.recorded.update(self.record.known())
        complete = self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        named = [(t, architecture_of_trial(self.space, t)) for t in complete if DUPLICATE_OF not in t.user_attrs]
        self.claims.adopt([(a.key, t.number, "complete") for t, a in named if a is not None])

    def _recover(self, *, now: bool = False) -> None:
        """Take over what dead workers left, at most once in a heartbeat."""
        if self.member.due(now=now):
            for claim in self.member.inherited():
                self._take_up(claim)
            self._persist(self._end_unclaimed)

    def _take_up(self, claim: Claim) -> None:
        """Go on with the network of a claim from where its worker left it."""
        trials = self._persist(lambda: self.study.get_trials(deepcopy=False))
        frozen = next(t for t in trials if t.number == claim.trial_number)
        trial, row = running_trial(self.study, frozen), genes_of(self.space, params_of_trial(frozen))
        assert row is not None, "a network is claimed after its parameters are written"
        architecture = self.space.decode(row[None])[0]
        if frozen.state == TrialState.COMPLETE:
            self._persist(lambda: self.claims.finish(claim, "complete"))
        elif frozen.state == TrialState.FAIL:
            reason = str(frozen.user_attrs.get(REASON, ""))
            self._persist(lambda: self.claims.finish(claim, "failed", reason=reason))
        elif (values := self._persist(self.record.known).get(architecture.key)) is not None:
            self._persist(lambda: self._complete(claim, trial, architecture, values))
        elif claim.attempt > ATTEMPTS:
            reason = "its workers ended during its evaluation, twice"
            self._persist(lambda: self._give_up(claim, trial, reason))
        else:
            self._work(claim, trial, row, architecture)

    def _end_unclaimed(self) -> None:
        """Fail the trials of workers that died between asking for a network and taking it."""
        running: dict[int, FrozenTrial] = {
            t.number: t for t in self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
        }
        for number in self.claims.unclaimed(running):
            self._end(running_trial(self.study, running[number]), "the worker ended before it took a network")
