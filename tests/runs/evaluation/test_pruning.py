"""When a network is given up: never one that the whole split would have put on the front."""

from __future__ import annotations

import numpy as np
import pytest

from runs.evaluation.pruning import Archive
from runs.evaluation.quality import named
from runs.objectives import FRACTION, Budget, is_partial, objectives_by_name
from supernet.training import Quality

OBJECTIVES = objectives_by_name(["validation_error", "latency_ms"])


def quality(errors: np.ndarray, seen: int, total: int) -> Quality:
    part = errors[:seen]
    error_se = 100 * max(float(part.std(ddof=1)) / np.sqrt(seen), 1 / seen)
    return Quality(error=100 * part.mean(), error_se=error_se, loss=0.0, loss_se=0.0, examples=seen, total=total)


def archive(*rows: tuple[float, float], budget: Budget | None = None) -> Archive:
    found = Archive(OBJECTIVES, budget or Budget())
    for error, latency in rows:
        found.add({"validation_error": error, "latency_ms": latency})
    return found


def test_a_network_far_worse_than_a_cheaper_one_is_hopeless() -> None:
    bad = quality(np.arange(1000) % 2, 200, 1000)  # 50 % wrong
    assert archive((10.0, 1.0)).should_prune({"latency_ms": 1.0}, bad, looks=4)
    assert not archive((10.0, 1.0)).should_prune({"latency_ms": 0.99}, bad, looks=4), "it is faster"
    assert not archive((49.0, 1.0)).should_prune({"latency_ms": 2.0}, bad, looks=4), "it may be better"
    assert not archive().should_prune({"latency_ms": 2.0}, bad, looks=4)
    few = quality(np.arange(1000) % 2, 50, 1000)
    assert not archive((10.0, 1.0)).should_prune({"latency_ms": 2.0}, few, looks=4), "too few for a normal bound"


def test_what_is_over_the_budget_or_was_given_up_itself_makes_none_hopeless() -> None:
    bad = quality(np.arange(1000) % 2, 200, 1000)
    over = archive((10.0, 1.0), budget=Budget(limits={"latency_ms": 0.9}))
    assert not over.should_prune({"latency_ms": 1.0}, bad, looks=4)
    partial = archive()
    partial.add({"validation_error": 10.0, "latency_ms": 1.0, FRACTION: 0.5})
    assert not partial.should_prune({"latency_ms": 1.0}, bad, looks=4)


def test_every_evaluated_objective_must_be_worse() -> None:
    both = Archive(objectives_by_name(["validation_error", "validation_loss", "latency_ms"]), Budget())
    both.add({"validation_error": 10.0, "validation_loss": 0.3, "latency_ms": 1.0})
    wrong = {"error": 50.0, "error_se": 3.0, "loss_se": 0.01, "examples": 200, "total": 1000}
    assert both.should_prune({"latency_ms": 1.0}, Quality(loss=0.5, **wrong), looks=4)
    assert not both.should_prune({"latency_ms": 1.0}, Quality(loss=0.29, **wrong), looks=4)


def test_giving_up_is_hardly_ever_wrong() -> None:
    """Networks exactly as good as a cheaper one on the whole split: at most one in a thousand may be given up."""
    rng, total, size = np.random.default_rng(0), 1024, 128
    given_up = 0
    for _ in range(3000):
        errors = rng.permutation(np.arange(total) < 150)
        front = archive((100 * 150 / total, 1.0))
        looks = [quality(errors, seen, total) for seen in range(size, total, size)]
        given_up += any(front.should_prune({"latency_ms": 1.0}, look, looks=len(looks)) for look in looks)
    assert given_up <= 12  # the normal bound on 128 examples is not exact: 3 are expected


@pytest.mark.parametrize(("examples", "partial"), [(100, False), (60, True)])
def test_only_a_part_is_marked(examples: int, partial: bool) -> None:
    values = named(Quality(error=3.0, error_se=1.0, loss=0.2, loss_se=0.1, examples=examples, total=100))
    assert is_partial(values) == partial and (FRACTION in values) == partial
    assert (values["validation_error"], values["validation_error_se"]) == (3.0, 1.0)
