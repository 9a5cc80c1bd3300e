"""Objectives by name, and budgets."""

from __future__ import annotations

import numpy as np
import pytest

from predictors import CostModel
from runs.objectives import OBJECTIVES, Budget, Objective, Quantity, device_of, exact_costs, objectives_by_name
from search_space.errors import BudgetError, ConfigError


def test_order_is_kept() -> None:
    names = ["size_bytes", "validation_error", "latency_ms"]
    assert [o.name for o in objectives_by_name(names)] == names
    assert {o.name for o in OBJECTIVES.values() if o.evaluated} == {"validation_error", "validation_loss"}


def test_an_objective_of_a_further_device() -> None:
    (phone,) = objectives_by_name(["latency_ms@phone"])
    assert (phone.name, phone.unit, phone.label) == ("latency_ms@phone", "ms", "Latency on phone")
    assert not phone.evaluated and phone.formula is None
    assert device_of(phone.name) == "phone" and device_of("latency_ms") is None
    assert Budget(limits={"latency_ms@phone": 2.0}).constraints({"latency_ms@phone": 3.0}) == {"latency_ms@phone": 0.5}


def test_one_entry_is_an_objective_that_can_be_searched_for_and_limited(monkeypatch, space) -> None:
    name, costs = "peak_memory_bytes", CostModel(space)
    entry = Objective(name=name, unit="bytes", label="Peak memory", formula=lambda c, g: c.peak_memory_bytes(g))
    monkeypatch.setitem(OBJECTIVES, name, entry)
    genes = space.sample_genes(np.random.default_rng(0), 5)
    assert exact_costs(costs, genes)[name].tolist() == costs.peak_memory_bytes(genes).tolist()
    assert objectives_by_name([name]) == Budget(limits={name: 1e6}).objectives == (entry,)


@pytest.mark.parametrize("names", [[], ["latency"], ["params", "params"], ["params@phone"], ["latency_ms@"]])
def test_bad_names(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="objectives"):
        objectives_by_name(names)


def test_budget() -> None:
    budget = Budget(limits={"latency_ms": 4.0, "size_bytes": 100.0})
    values = {"latency_ms": 5.0, "size_bytes": 50.0, "params": 3.0}
    assert budget.constraints(values) == {"latency_ms": 0.25, "size_bytes": -0.5}
    assert not budget.feasible(values) and budget.feasible({**values, "latency_ms": 4.0})
    assert Budget().feasible({})


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_limit(limit: float) -> None:
    with pytest.raises(BudgetError, match=r"budget\.latency_ms"):
        Budget(limits={"latency_ms": limit})


def test_unknown_limit() -> None:
    with pytest.raises(ConfigError, match="latency_sm"):
        Budget(limits={"latency_sm": 1.0})


@pytest.mark.parametrize("base", ["latency_ms", "energy_mj", "size_bytes", "validation_error", "params"])
@pytest.mark.parametrize("device", [None, "phone", "low_end", "my-board"])
def test_the_name_of_a_value_is_read_as_it_is_written(base: str, device: str | None) -> None:
    parts = ("value", "se") if base == "params" else ("value", "se", "low", "high")
    for part in parts:
        asked = Quantity(base=base, device=device, part=part)
        assert Quantity.parse(str(asked)) == asked


def test_names_are_those_that_databases_hold() -> None:
    phone = Quantity(base="latency_ms", device="phone")
    assert [str(phone.of(part)) for part in ("value", "low", "high")] == [
        "latency_ms@phone",
        "latency_low_ms@phone",
        "latency_high_ms@phone",
    ]
    assert (phone.unit, phone.stem, str(phone.on(None))) == ("ms", "latency", "latency_ms")
    assert (Quantity.parse("energy_low_mj").base, str(Quantity(base="validation_error", part="se"))) == (
        "energy_mj",
        "validation_error_se",
    )
    with pytest.raises(ValueError, match="names no device"):
        Quantity.parse("latency_ms@")
