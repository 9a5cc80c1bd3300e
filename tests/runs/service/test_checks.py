"""Documents are checked before they are submitted, by a process that may end or hang."""

from __future__ import annotations

import threading
import time

import pytest

import nasweave as nw
from runs.app.jobs.checking import answered
from runs.service.server import checking
from runs.service.server.checking import Checker
from runs.service.server.refusals import Refused
from supernet import Network

SHIPPED = "amd_epyc_2c_onnxruntime_t1_vit_tiny"


def test_the_corners_are_those_of_networks_that_are_built(ann):
    answer = ann.post("/api/v1/checks", json={"task": "digits", "budget": {"latency_ms": 1e-6, "params": 10**9}})
    told = answer.json()
    assert answer.status_code == 200, told
    space = nw.space(task="digits")
    for corner, network in zip(told["corners"], (space.smallest, space.middle, space.largest), strict=True):
        built = Network(network, space.geometry)
        assert corner["values"]["params"] == sum(parameter.numel() for parameter in built.parameters())
        assert "latency_ms" not in corner["values"]
    assert told["profile"] is None and told["unmet"] is None and told["budget"]["params"] == 10**9
    assert ann.get("/api/v1/runs").json()["runs"] == []


def asked(**document):
    return {"document": {"task": "digits", **document}, "dataset": None, "outputs": "outputs", "data_root": "data"}


def test_the_process_answers_as_the_function_does():
    checker = Checker()
    try:
        for question in (asked(budget={"size_bytes": 1}), {**asked(), "profiles_changed": 1}):
            assert checker.ask(question) == answered(question)
        with pytest.raises(Refused, match="only its networks decode"):
            checker.ask(asked(budget={"decode_ms": 1.0}))
    finally:
        checker.close()


def test_a_profile_on_disk_predicts_latencies_and_a_budget_that_nothing_meets_is_told():
    device = {"profile": SHIPPED}
    told = answered(asked(device=device, budget={"latency_ms": 1e-4}))["checked"]
    assert told["unmet"]["parameter"] == "budget.latency_ms" and "amd_epyc" in told["profile"]
    latencies = [corner["values"]["latency_ms"] for corner in told["corners"]]
    space, profile = nw.space(task="digits"), nw.load_profile(SHIPPED)
    predictor = nw.LatencyPredictor(space).fit(profile)
    assert latencies == pytest.approx(
        predictor.predict(space.encode([space.smallest, space.middle, space.largest])).tolist()
    )
    assert answered(asked(device=device, budget={"latency_ms": latencies[0]}))["checked"]["unmet"] is None


@pytest.mark.parametrize(
    ("document", "parameter"),
    [
        ({"budget": {"decode_ms": 1.0}}, "budget.decode_ms"),
        ({"choices": {"precision": ["w8a8s"]}}, "choices.precision"),
        ({"device": {"profile": SHIPPED, "threads": 2}}, "profile.setting"),
        ({"device": {"profile": SHIPPED}, "choices": {"depth": [1]}}, "profile.space_fingerprint"),
        ({"task": "fashion_mnist"}, "data_root"),
        ({"fork": "abc"}, "fork"),  # of a search in fidelities
    ],
)
def test_what_a_run_would_fail_at_is_refused_in_four_parts(document, parameter, tmp_path):
    told = answered({**asked(**document), "data_root": str(tmp_path)})["refused"]
    assert told["parameter"] == parameter and all(told.values()) and str(tmp_path) not in str(told), told


def test_what_the_service_has_not_is_refused_without_a_process(ann):
    for document in ({"task": "nothing"}, {"dataset": "nothing"}, {"task": "digits", "fork": "nothing"}):
        answer = ann.post("/api/v1/checks", json=document)
        assert answer.status_code in (404, 422) and set(answer.json()) == {"parameter", "expected", "got", "remedy"}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(checking, "_MODULE", "tests.runs.service.small_checks")
    checker = Checker()
    yield checker
    checker.close()


def test_answers_are_remembered_and_refusals_are_not(small):
    first = small.ask({"do": "answer"})
    process = small._process
    process.kill()
    process.wait()
    assert small.ask({"do": "answer"}) == first and small._process is process
    assert small.ask({"do": "answer", "n": 2})["checked"] == small._process.pid != first["checked"]
    for n in (3, 4):  # each time by the process that there is
        with pytest.raises(Refused, match="p: expected e") as refused:
            small.ask({"do": "refuse"})
        assert refused.value.got == str(small._process.pid) and refused.value.status == 422
        small._process.kill()
        small._process.wait()
        small.ask({"do": "answer", "n": n})


def test_a_server_that_ends_waits_for_no_answer(small):
    said = []

    def ask():
        with pytest.raises(Refused) as refused:
            small.ask({"do": "wait"})
        said.append(refused.value.got)

    thread = threading.Thread(target=ask)
    thread.start()
    while small._process is None:
        time.sleep(0.01)
    small.close()
    thread.join(20)
    assert said == ["a server that ends"]


def test_a_process_that_hangs_or_ends_is_another_for_the_next(small, monkeypatch):
    monkeypatch.setattr(checking, "_LIMIT_S", 0.5)
    with pytest.raises(Refused, match=r"none in 0\.5 s"):
        small.ask({"do": "wait"})
    monkeypatch.setattr(checking, "_LIMIT_S", 20.0)
    with pytest.raises(RuntimeError, match="without an answer"):
        small.ask({"do": "end"})
    assert small.ask({"do": "answer"})["checked"]


def test_no_more_wait_than_there_are_places(small, monkeypatch):
    begun = threading.Event()

    def slow(line):
        begun.set()
        assert stop.wait(20)
        return {"done": line}

    stop = threading.Event()
    monkeypatch.setattr(small, "_answer", slow)
    threads = [threading.Thread(target=small.ask, args=({"n": n},)) for n in range(checking._MOST_WAITING)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    while small._places._value:
        time.sleep(0.01)
    with pytest.raises(Refused, match="wait already"):
        small.ask({})
    stop.set()
    for thread in threads:
        thread.join()
