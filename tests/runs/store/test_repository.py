"""What is stored comes back, once, under one name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy

from runs.pipeline.search_record import SearchRecord
from runs.store import STAGES, Candidate, ExportDetail, Run, Store, WeightOrigin
from search_space.errors import StoreError
from tests.runs.store.conftest import ARCHITECTURE


def add(store: Store, run: Run, key: str, *, source: str = "search", latency_ms: float = 1.5) -> Candidate:
    return store.add_candidate(
        run.id,
        key,
        architecture=ARCHITECTURE,
        values={"validation_error": 0.1, "latency_ms": latency_ms},
        predicted={"latency_ms": 1.4},
        source=source,
        trial_number=3,
    )


def test_a_folder_is_one_run(store: Store, run: Run) -> None:
    again = store.open_run(run.folder, task="digits", name="other", space_fingerprint="f1", space_json="[]")
    assert again == run
    other = store.open_run("outputs/digits/b", task="digits", name="a", space_fingerprint="f2", space_json="{}")
    assert store.runs() == [run, other]
    assert (run.task, run.name, run.space_fingerprint, run.space_json) == ("digits", "a", "f1", "{}")


@pytest.mark.parametrize(
    ("task", "fingerprint", "said"), [("clinc150", "f1", "task"), ("digits", "f2", "search space")]
)
def test_a_folder_of_another_run_is_refused(store: Store, run: Run, task: str, fingerprint: str, said: str) -> None:
    with pytest.raises(StoreError, match=rf"{run.folder}: expected the {said} .*name=.* fresh folder"):
        store.open_run(run.folder, task=task, name="a", space_fingerprint=fingerprint, space_json="{}")
    assert store.runs() == [run]


def test_a_stage_is_replaced_when_done_again(store: Store, run: Run) -> None:
    assert [store.stage(run.id, stage) for stage in STAGES] == [None] * len(STAGES)
    first = store.finish_stage(run.id, "train", fingerprint="a", detail={"epochs": 3})
    profile = store.finish_stage(run.id, "profile", fingerprint="p", detail={})
    second = store.finish_stage(run.id, "train", fingerprint="b", detail={"epochs": 4, "files": ["x"]})
    assert first.fingerprint == "a"
    assert store.stage(run.id, "train") == second
    assert (second.fingerprint, second.detail) == ("b", {"epochs": 4, "files": ["x"]})
    assert second.finished_at >= first.finished_at
    assert store.stage(run.id, "profile") == profile
    with pytest.raises(ValueError, match=r"stage: expected one of profile, .*, got 'training'"):
        store.finish_stage(run.id, "training", fingerprint="a", detail={})
    with pytest.raises(ValueError, match="got 'training'"):
        store.stage(run.id, "training")


def test_a_subject_is_measured_once(store: Store) -> None:
    assert [store.add_measurement("cpu", key, payload={"ms": ms}) for key, ms in (("b", 2.0), ("a", 1.0))] == [True] * 2
    assert store.add_measurement("cpu", "b", payload={"ms": 9.0}) is False
    assert store.add_measurement("gpu", "b", payload={"ms": 0.1}) is True
    assert store.measurements("cpu") == [{"ms": 2.0}, {"ms": 1.0}]
    assert store.measured_subjects("cpu") == ["b", "a"]
    assert store.measurements("gpu") == [{"ms": 0.1}]
    assert store.measurements("tpu") == store.measured_subjects("tpu") == []


def test_a_candidate_is_stored_once(store: Store, run: Run) -> None:
    first = add(store, run, "k")
    assert add(store, run, "k", source="random", latency_ms=9.0) == first == store.candidate(run.id, "k")
    assert first.values == {"validation_error": 0.1, "latency_ms": 1.5}
    assert (first.predicted, first.source, first.trial_number) == ({"latency_ms": 1.4}, "search", 3)
    assert (first.state, first.reason, first.final, first.architecture) == (
        "complete",
        "",
        None,
        ARCHITECTURE,
    )
    assert store.candidate(run.id, "none") is None


def test_candidates_come_in_order_and_by_state(store: Store, run: Run) -> None:
    other = store.open_run("outputs/digits/b", task="digits", name="b", space_fingerprint="f1", space_json="{}")
    second, first = add(store, run, "z"), add(store, run, "a")
    failed = store.add_candidate(
        run.id,
        "f",
        architecture=ARCHITECTURE,
        values={},
        predicted={},
        source="search",
        state="failed",
        reason="NaN loss",
    )
    elsewhere = add(store, other, "z")
    assert store.candidates(run.id) == [second, first, failed]
    assert store.candidates(run.id, state="complete") == [second, first]
    assert store.candidates(run.id, state="failed") == [failed]
    assert store.candidates(other.id) == [elsewhere]
    assert failed.reason == "NaN loss" and failed.trial_number is None
    with pytest.raises(ValueError, match="state: expected one of complete, failed, got 'done'"):
        store.candidates(run.id, state="done")  # type: ignore[arg-type]


def test_final_measurements_belong_to_their_candidate(store: Store, run: Run) -> None:
    before, bystander = add(store, run, "k"), add(store, run, "other")
    final = {"latency_ms": 1.7, "spread": [1.6, 1.8], "test_accuracy": 0.97}
    after = store.set_final(run.id, "k", final=final)
    assert after.final == final and before.final is None
    assert store.candidates(run.id) == [after, bystander]
    assert store.set_final(run.id, "k", final={"latency_ms": 1.0}).final == {"latency_ms": 1.0}
    with pytest.raises(StoreError, match=f"key: expected a candidate of run {run.id}, got missing"):
        store.set_final(run.id, "missing", final={})


def test_a_candidate_that_has_changed_loses_what_was_measured_of_it(store: Store, run: Run) -> None:
    def put(**values: float) -> Candidate:
        return store.put_candidate(
            run.id, "k", architecture=ARCHITECTURE, values=values, predicted={}, source="search", trial_number=4
        )

    add(store, run, "before")
    first = put(validation_error=9.0)
    assert (first.final, first.trial_number, first.architecture) == (None, 4, ARCHITECTURE)
    final = store.set_final(run.id, "k", final={"test_error": 8.0})
    assert put(validation_error=9.0) == final
    changed = put(validation_error=7.0)
    assert changed.values == {"validation_error": 7.0} and changed.final is None
    assert [c.key for c in store.candidates(run.id)] == ["before", "k"]
    with pytest.raises(ValueError, match="values"):
        put(validation_error=float("nan"))
    assert store.candidate(run.id, "k") == changed


def test_an_export_folder_holds_one_network(store: Store, run: Run) -> None:
    origin = WeightOrigin(supernet="a", finetuned="b")
    detail = ExportDetail(formats=("onnx", "pt2"), origin=origin, relative_norms={"onnx": 0.5})
    first = store.add_export(run.id, "k", folder="exports/k", detail=detail)
    second = store.add_export(run.id, "k", folder="exports/copy", detail=ExportDetail(formats=()))
    assert store.exports(run.id) == [first, second] and first.detail == detail
    again = store.add_export(run.id, "m", folder="exports/k", detail=ExportDetail(formats=("pt2",)))
    assert store.exports(run.id) == [again, second]
    assert (again.key, again.detail) == ("m", ExportDetail(formats=("pt2",)))


def test_times_are_aware_and_in_utc(store: Store, run: Run) -> None:
    stage = store.finish_stage(run.id, "train", fingerprint="a", detail={})
    export = store.add_export(run.id, "k", folder="e", detail=ExportDetail(formats=()))
    for time in (store.runs()[0].created_at, stage.finished_at, add(store, run, "k").created_at, export.created_at):
        assert time.tzinfo is UTC
        assert abs(datetime.now(UTC) - time) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.finish_stage(77, "train", fingerprint="a", detail={}),
        lambda store: store.add_export(77, "k", folder="e", detail=ExportDetail(formats=())),
        lambda store: store.add_candidate(77, "k", architecture=ARCHITECTURE, values={}, predicted={}, source="search"),
    ],
)
def test_nothing_is_stored_for_a_run_that_is_not_there(store: Store, write: Callable[[Store], object]) -> None:
    with pytest.raises(StoreError, match="expected the run and tables"):
        write(store)
    assert store.candidates(77) == [] and store.exports(77) == [] and store.stage(77, "train") is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema":1,"embed_dim":64,"layers":[null]}'])
def test_a_damaged_network_is_one_line(store: Store, run: Run, text: str) -> None:
    add(store, run, "k")
    with store._engine.begin() as connection:
        connection.execute(sqlalchemy.text("update nasweave_candidates set architecture_json = :t"), {"t": text})
    with pytest.raises(StoreError, match=r"candidate k: expected a network in the database") as caught:
        store.candidates(run.id)
    assert len(str(caught.value).splitlines()) == 1


def test_an_export_of_an_earlier_version_is_read(store: Store, run: Run) -> None:
    store.add_export(run.id, "k", folder="e", detail=ExportDetail(formats=()))
    stored = '{"formats":["onnx"],"supernet":"6e3a","relative_norm":{"extracted":0,"onnx":0.14},"later":1}'
    _set_detail(store, stored)
    (export,) = store.exports(run.id)
    assert export.detail == ExportDetail(
        formats=("onnx",), origin=WeightOrigin(supernet="6e3a"), relative_norms={"extracted": 0, "onnx": 0.14}
    )


@pytest.mark.parametrize(
    "stored",
    [
        "{}",
        '{"formats":"onnx"}',
        '{"formats":[1]}',
        '{"formats":[],"supernet":1}',
        '{"formats":[],"relative_norm":["x"]}',
        '{"formats":[],"relative_norm":{"onnx":null}}',
        "[]",
        "null",
    ],
)
def test_a_damaged_export_is_one_line(store: Store, run: Run, stored: str) -> None:
    store.add_export(run.id, "k", folder="e", detail=ExportDetail(formats=()))
    _set_detail(store, stored)
    with pytest.raises(
        StoreError, match=r"expected (what an export folder holds|values as nasweave writes them)"
    ) as caught:
        store.exports(run.id)
    assert len(str(caught.value).splitlines()) == 1


def _set_detail(store: Store, stored: str) -> None:
    with store._engine.begin() as connection:
        connection.execute(sqlalchemy.text("update nasweave_exports set detail = :t"), {"t": stored})


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"seconds": [], "trials": {}, "objectives": ["latency_ms"]},
        {"seconds": {}, "trials": {"k": "x"}, "objectives": ["latency_ms"]},
        {"seconds": {}, "trials": {}, "objectives": "latency_ms"},
        {"seconds": {}, "trials": {}, "objectives": [], "budget": {"latency_ms": None}},
        {"seconds": {}, "trials": {}, "objectives": [], "seed": "x"},
    ],
)
def test_a_damaged_record_of_a_search_is_one_line(store: Store, run: Run, detail: dict[str, object]) -> None:
    store.finish_stage(run.id, "search", fingerprint="f", detail=detail)
    with pytest.raises(StoreError, match=r"stage search of run 1: expected the record of a search") as caught:
        SearchRecord.load(store, run.id)
    assert len(str(caught.value).splitlines()) == 1


def test_the_record_of_an_earlier_version_is_read(store: Store, run: Run) -> None:
    old = {"seconds": {"train": 2}, "trials": {"k": 3}, "objectives": ["latency_ms"]}
    store.finish_stage(run.id, "search", fingerprint="f", detail=old)
    record = SearchRecord.load(store, run.id)
    assert record is not None and (record.seconds, record.trials, record.budget) == ({"train": 2.0}, {"k": 3}, None)
    record.save(store, run.id, fingerprint="f")
    assert SearchRecord.load(store, run.id) == replace(record, budget={})
