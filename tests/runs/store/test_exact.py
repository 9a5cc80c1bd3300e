"""JSON columns and times lose nothing."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy.dialects.sqlite import dialect

from runs.store import ExportDetail, Run, Store
from runs.store.exact import UtcDateTime, json_object, objectives
from tests.runs.store.conftest import ARCHITECTURE


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_every_float_keeps_its_bits(store: Store, run: Run) -> None:
    drawn = np.frombuffer(np.random.default_rng(0).bytes(8 * 2000), dtype=np.float64)
    numbers = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 2.0**53 + 2, 1 / 3, *drawn[np.isfinite(drawn)].tolist()]
    values = {str(index): number for index, number in enumerate(numbers)}
    candidate = store.add_candidate(
        run.id, "k", architecture=ARCHITECTURE, values=values, predicted=values, source="search"
    )
    stored = store.candidate(run.id, "k")
    assert stored == candidate
    for back in (stored.values, stored.predicted):
        assert [bits(back[str(index)]) for index in range(len(numbers))] == [bits(number) for number in numbers]
    store.add_measurement("p", "s", payload={"samples_ms": numbers})
    assert [bits(number) for number in store.measurements("p")[0]["samples_ms"]] == [bits(number) for number in numbers]


def test_json_comes_back_as_it_went_in(store: Store) -> None:
    payload = {"z": 1, "a": {"text": 'é "quoted" \u2028 \\ 🙂', "big": 2**80, "none": None}, "list": [True, 1, 1.0, []]}
    store.add_measurement("p", "s", payload=payload)
    (back,) = store.measurements("p")
    assert back == payload and list(back) == list(payload)
    assert [type(item) for item in back["list"]] == [bool, int, float, list]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_refused(store: Store, run: Run, number: float) -> None:
    refused = pytest.raises(ValueError, match=r"\w+(\.\w+)*: expected a finite number, got -?(nan|inf)")
    new = {"architecture": ARCHITECTURE, "source": "search"}
    with refused:
        store.add_candidate(run.id, "k", values={"latency_ms": number}, predicted={}, **new)
    with refused:
        store.add_candidate(run.id, "k", values={}, predicted={"latency_ms": number}, **new)
    with refused:
        store.add_measurement("p", "s", payload={"deep": [{"ms": number}]})
    with refused:
        store.finish_stage(run.id, "train", fingerprint="a", detail={"loss": number})
    with refused:
        store.add_export(run.id, "k", folder="e", detail=ExportDetail(formats=(), relative_norms={"onnx": number}))
    store.add_candidate(run.id, "k", values={}, predicted={}, **new)
    with refused:
        store.set_final(run.id, "k", final={"latency_ms": number})
    assert store.measurements("p") == store.exports(run.id) == [] and store.stage(run.id, "train") is None
    assert store.candidate(run.id, "k").final is None


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"a": {1: 2}}, r"payload\.a: expected keys that are strings, got 1"),
        ({"a": [0, np.zeros(2)]}, r"payload\.a\[1\]: expected a value that JSON can hold, got ndarray"),
        ({"a": np.float32(0.5)}, r"payload\.a: .* got float32"),
        ([1], "payload: expected a mapping, got list"),
    ],
)
def test_what_would_come_back_changed_is_refused(payload: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        json_object(payload, parameter="payload")  # type: ignore[arg-type]


def test_objectives_are_python_floats() -> None:
    plain = objectives({"size_bytes": 7, "latency_ms": np.float32(0.5), "error": np.float64(0.1)}, parameter="values")
    assert plain == {"size_bytes": 7.0, "latency_ms": 0.5, "error": 0.1}
    assert {type(value) for value in plain.values()} == {float}


def test_times_of_any_zone_become_utc() -> None:
    column, sqlite = UtcDateTime(), dialect()
    local = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    stored = column.process_bind_param(local, sqlite)
    assert stored == local and stored.tzinfo is UTC and stored.hour == 21
    assert column.process_result_value(stored.replace(tzinfo=None), sqlite) == local
    back = column.process_result_value(local, sqlite)
    assert back == local and back.tzinfo is UTC
    with pytest.raises(ValueError, match="naive"):
        column.process_bind_param(local.replace(tzinfo=None), sqlite)
