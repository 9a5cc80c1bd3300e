"""Which of the evaluated networks is chosen, before and after they were measured."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runs.evaluation.candidates import FoundNetworks
from runs.objectives import OBJECTIVES, Budget
from runs.store import Candidate
from search_space import Architecture, Layer
from search_space.errors import BudgetError

#        key: error, predicted and measured latency
MEMBERS = {
    "a": (60.0, 1.0, 1.5),
    "b": (15.0, 2.0, 4.0),  # slower than it was promised, and than c, which is better
    "c": (6.0, 4.0, 2.5),
    "d": (5.0, 9.0, 8.0),
}


def found(*measured: str, limits: dict[str, float] | None = None) -> FoundNetworks:
    architecture = Architecture(embed_dim=8, layers=(Layer(mixer="identity", channel_mixer="identity"),))
    candidates = [
        Candidate(
            run_id=1,
            key=key,
            architecture=architecture,
            values={"validation_error": error, "latency_ms": predicted},
            predicted={},
            source="search",
            state="complete",
            trial_number=0,
            reason="",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            final={"latency_ms": latency} if key in measured else None,
        )
        for key, (error, predicted, latency) in MEMBERS.items()
    ]
    objectives = (OBJECTIVES["validation_error"], OBJECTIVES["latency_ms"])
    return FoundNetworks(candidates=candidates, objectives=objectives, budget=Budget(limits=limits or {}))


def test_the_knee_is_that_of_what_was_measured():
    assert found().choose("auto").key == "b"
    assert found("a", "b", "c", "d").choose("auto").key == "c"
    assert found("a", "b", "c", "d").choose("auto").values["latency_ms"] == 4.0, "as it was predicted"
    assert found("a", "d").choose("best").key == "d"


def test_a_budget_holds_for_measured_latencies_where_any_meets_it():
    limits = {"latency_ms": 3.0}
    assert found(limits=limits).choose("auto").key == "b"
    assert found("a", "b", "c", "d", limits=limits).choose("auto").key == "a"  # c was promised more
    assert found("b", limits=limits).choose("auto").key == "b", "none that was measured meets it"
    with pytest.raises(BudgetError):
        found("a", limits={"latency_ms": 0.5}).choose("auto")
