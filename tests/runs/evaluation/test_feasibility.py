"""Budgets that nothing meets are refused, and the line says which of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runs.evaluation.feasibility import check_budget
from runs.objectives import Budget
from search_space import Genes, SearchSpace
from search_space.errors import BudgetError


@pytest.fixture
def cost_function(space: SearchSpace):
    """Size and latency pull against each other: what one loses, the other gains; the FLOPs are on nobody's side."""
    depth = space.gene_names.index("depth")

    def values(genes: Genes) -> dict[str, NDArray[np.float64]]:
        share = genes[:, depth] / (space.cards[depth] - 1)
        return {"size_bytes": 1e3 * (1 + share), "latency_ms": 3.0 - 2.0 * share, "flops": 1e6 * (1 + share)}

    return values


def budget(**limits: float) -> Budget:
    return Budget(limits=limits)


def test_limits_that_some_network_meets_pass(space: SearchSpace, cost_function) -> None:
    check_budget(space, cost_function, budget())
    check_budget(space, cost_function, budget(size_bytes=1500, latency_ms=2.0, flops=1.6e6, validation_error=1e-9))
    check_budget(space, cost_function, budget(size_bytes=1000))
    check_budget(space, cost_function, budget(latency_ms=1.0))


def test_a_limit_that_nothing_meets_is_named(space: SearchSpace, cost_function) -> None:
    with pytest.raises(BudgetError, match=r"^budget\.latency_ms: expected a limit that .* latency 1\.00 ms") as error:
        check_budget(space, cost_function, budget(size_bytes=1500, latency_ms=0.9))
    assert "size" not in str(error.value)


def test_contradicting_limits_are_named_and_the_innocent_is_not(space: SearchSpace, cost_function) -> None:
    with pytest.raises(
        BudgetError, match=r"^budget\.size_bytes, budget\.latency_ms: expected limits that one"
    ) as error:
        check_budget(space, cost_function, budget(flops=1.9e6, size_bytes=1200, latency_ms=1.5))
    assert "contradict each other" in str(error.value) and "flops" not in str(error.value).lower()
    assert "\n" not in str(error.value)
