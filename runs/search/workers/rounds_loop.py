"""One search in fidelities by several processes: each listens to the others, decides, claims, trains and records.

What all observed is one list in the study, in the order in which it was added; what others have in work is known from
their claims. So each worker decides from the same history, and counts on what is coming. A claim is of one round of
one network; it is refused while another is at the network, trains its donor, or begins with its weights. A round is
recorded first as a trial, then as a candidate, then its claim is finished: whoever takes over a dead worker's claim
goes on at the network's last checkpoint, and finds a finished round finished.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from runs.search.errors import FAILURES_IN_A_ROW, failures_in_a_row
from runs.search.fidelities.loop import Bought, Keeper
from runs.search.fidelities.search import FidelitySearch
from runs.search.fidelities.task import Action, Observation
from runs.search.workers.member import ATTEMPTS, Member
from runs.store import Claim
from runs.store.records import ClaimState
from search_space.errors import NasweaveError, StoreError

__all__ = ["SharedPurchases", "SharedRounds"]

_log = logging.getLogger("nasweave.runs")


class SharedRounds(Keeper, Protocol):
    """The rounds of all workers; to keep one twice changes nothing."""

    def history(self) -> Sequence[Observation | Action]:
        """Return all rounds, those that were given up among them, in their order."""

    def news(self) -> Sequence[Observation | Action]:
        """Return those that were added since the last call."""

    def name(self, action: Action) -> str:
        """Return the name of a round, which no other has."""

    def state(self, action: Action) -> ClaimState:
        """Return whether a round is kept, given up, or neither: ``running``."""


class SharedPurchases:
    """One worker's part in a search in fidelities.

    Parameters
    ----------
    search
        That was told nothing yet.
    member
        This process among the workers.
    rounds
        Those of all workers.
    train
        As :func:`runs.search.fidelities.loop.buy_training` takes it.
    seconds, most
        The time and the rounds of all workers together after which nothing more is bought.
    together
        Networks that this worker trains at a time.
    progress
        Called with the seconds that all spent.
    """

    def __init__(
        self,
        search: FidelitySearch,
        *,
        member: Member,
        rounds: SharedRounds,
        train: Callable[[Sequence[Action]], Sequence[Bought | NasweaveError]],
        seconds: float,
        most: int,
        together: int,
        progress: Callable[[float], None] = lambda spent: None,
    ) -> None:
        self.search, self.member, self.rounds, self.train = search, member, rounds, train
        self.seconds, self.most, self.together, self.progress = seconds, most, together, progress
        self._claims, self._persist = member.claims, member.persist
        self._failures = 0

    def run(self) -> None:
        """Work until the time is spent, ``most`` rounds are bought, or nothing is left to buy, and nobody is at work.

        Raises
        ------
        StoreError
            The database has claims of rounds that the study does not know.
        SearchError
            Five trainings of this worker failed in a row.
        """
        self._persist(self._begin)
        nothing_left = False
        while True:
            if self.member.due():
                for claim in self.member.inherited():
                    self._take_up(claim)
            running, changed = self._listen()
            spent, bought = self._spent(), len(self.search.observations)
            self.progress(spent)
            over = spent >= self.seconds or bought + running >= self.most
            if over or (nothing_left and not changed):
                asked = []
            else:
                asked = self.search.ask_batch(min(self.together, self.most - bought - running))
                nothing_left = not asked
            claims = [(self._claim(action), action) for action in asked]
            claimed = [(claim, action) for claim, action in claims if claim is not None]
            if claimed:
                self._buy(claimed)
            elif not asked and not running:
                return
            else:
                self.member.wait()

    def _begin(self) -> None:
        """Note the rounds that were bought without claims."""
        counts = self._claims.counts()
        history = self.rounds.history()
        if counts.complete + counts.failed > len(history):
            raise StoreError(
                "store",
                expected=f"the {counts.complete + counts.failed} rounds of training that workers have finished",
                got=f"{len(history)} in the study",
                remedy="restore the study of this search, or choose another name= for a new one",
            )
        states: dict[bool, ClaimState] = {True: "complete", False: "failed"}
        entries = [(e, True) if isinstance(e, Action) else (e.action, False) for e in history]
        self._claims.adopt(
            [(self.rounds.name(action), number, states[not failed]) for number, (action, failed) in enumerate(entries)]
        )

    def _listen(self) -> tuple[int, bool]:
        """Learn what others have in work, and what came of it; return how much that is, and whether there is news.

        In this order: what is finished in between is seen in both, and counts as finished.
        """
        running = [c for c in self._persist(self._claims.running) if c.worker != self._claims.worker]
        news = self._persist(self.rounds.news)
        elsewhere = [_action_of(claim) for claim in running if claim.work is not None]
        return len(running), self.search.hear(news, elsewhere=elsewhere)

    def _spent(self) -> float:
        return sum(observation.cost for observation in self.search.observations)

    def _claim(self, action: Action) -> Claim | None:
        """Return this worker's claim of an action; one that is not to be had is taken back."""
        place = self._persist(lambda: self._claims.reserve(self.most))
        name, claim = self.rounds.name(action), None
        if place is not None:
            try:
                claim = self._persist(
                    lambda: self._claims.take(place, key=name, work=action.to_dict(), excludes=_excludes(action))
                )
            except LookupError:  # silent for so long that the place was given to another
                claim = None
            if claim is not None and claim.id == place.id:
                return claim
            self._persist(lambda: self._claims.release(place))
        self.search.withdraw(action)
        return None

    def _take_up(self, claim: Claim) -> None:
        """Go on with the round of a claim from where its worker left it."""
        action = _action_of(claim)
        state = self._persist(lambda: self.rounds.state(action))
        if state == "failed":
            self._persist(lambda: self._claims.finish(claim, "failed"))
        elif state == "running" and claim.attempt > ATTEMPTS:
            self._persist(partial(self._give_up, claim, action, "its workers ended during its training, twice"))
        else:
            self._buy([(claim, action)])

    def _buy(self, claimed: Sequence[tuple[Claim, Action]]) -> None:
        """Train what this worker has claimed, and keep what came of it."""
        begin = time.monotonic()
        results = self.train([action for _, action in claimed])
        each = (time.monotonic() - begin) / len(claimed)
        for (claim, action), result in zip(claimed, results, strict=True):
            if isinstance(result, NasweaveError):
                self._failures += 1
                self._persist(partial(self._give_up, claim, action, str(result)))
                if self._failures == FAILURES_IN_A_ROW:
                    raise failures_in_a_row(result) from result
                continue
            self._failures = 0
            observation = Observation(action=action, error=result.error, noise=result.noise, cost=each)
            self._persist(partial(self._keep, claim, observation, result))

    def _keep(self, claim: Claim, observation: Observation, bought: Bought) -> None:
        if self._is_mine(claim):
            self.rounds.keep(observation, bought)
            self._claims.finish(claim, "complete")

    def _give_up(self, claim: Claim, action: Action, reason: str) -> None:
        if self._is_mine(claim):
            self.rounds.give_up(action, reason)
            self._claims.finish(claim, "failed", reason=reason)

    def _is_mine(self, claim: Claim) -> bool:
        mine = self._claims.is_mine(claim)
        if not mine:
            _log.warning("%s was taken over by another worker, for this one was silent too long", claim.key)
        return mine


def _action_of(claim: Claim) -> Action:
    """Return the round that a claim is of; raises ``StoreError`` where the database holds something else."""
    try:
        return Action.from_dict(claim.work or {})
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"claim {claim.key}",
            expected="a round of training, in the database",
            got=f"{claim.work}"[:80] + f" ({type(error).__name__}: {error})",
            remedy="restore the database, or choose another name= for a new run",
        ) from error


def _excludes(action: Action) -> Callable[[Claim], bool]:
    """Return whether a claim in work forbids an action: no network is trained by two, nor while it is a donor."""

    def excludes(other: Claim) -> bool:
        if other.work is None:
            return False
        theirs = _action_of(other)
        return theirs.genes in (action.genes, action.donor) or theirs.donor == action.genes

    return excludes
