"""Runs: asked for once, however often and by how many at a time; listed, stopped, resumed, forked, hidden."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from runs.service.work import job_of
from runs.store.service.submissions import QuotaError
from tests.runs.service.conftest import SMALL

RUNS = "/api/v1/runs"


def test_a_run_waits_at_its_place(ann, asked):
    first, second = (ann.post(RUNS, json={**SMALL, "name": name}) for name in ("a", "b"))
    assert first.status_code == 201 and first.headers["Location"] == f"{RUNS}/{first.json()['key']}"
    page = ann.get(RUNS).json()
    assert [(run["name"], run["place"], run["owner"]) for run in page["runs"]] == [("b", 2, "ann"), ("a", 1, "ann")]
    assert ann.get(f"{RUNS}/{second.json()['key']}").json()["jobs"][0]["state"] == "queued"
    assert [job["verb"] for job in ann.get("/api/v1/jobs").json()] == ["run", "run"]


def test_a_repeated_request_is_the_same_run(ann):
    header = {"Idempotency-Key": "one"}
    first = ann.post(RUNS, json=SMALL, headers=header)
    again = ann.post(RUNS, json=SMALL, headers=header)
    assert (first.status_code, again.status_code) == (201, 200) and first.json()["key"] == again.json()["key"]
    other = ann.post(RUNS, json={**SMALL, "name": "other"}, headers=header)
    assert other.status_code == 409 and other.json()["parameter"] == "Idempotency-Key"
    assert len(ann.get(RUNS).json()["runs"]) == 1
    assert ann.post(RUNS, json=SMALL, headers={"Idempotency-Key": "x" * 101}).status_code == 422


def test_many_at_once_lose_and_double_nothing(asked):
    def submit(n: int) -> tuple[str, bool]:
        document = {**SMALL, "name": f"n{n % 8}"}
        run, is_new = asked.service.submissions.submit(
            key=f"k{n}", owner="ann", name=f"n{n % 8}", task="digits", document=document, digest=f"d{n % 8}",
            folder=f"digits/{n}", job={"verb": "run"}, idempotency=f"i{n % 8}",
        )  # fmt: skip
        return run.name, is_new

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(submit, range(24)))
    assert sorted(name for name, is_new in made if is_new) == [f"n{n}" for n in range(8)]
    assert len(asked.service.jobs.active()) == 8


def test_a_quota_is_for_each_user(ann, asked):
    made = [ann.post(RUNS, json=SMALL) for _ in range(4)]
    assert [answer.status_code for answer in made] == [201, 201, 201, 429]
    assert made[-1].json()["got"] == "3 already" and "Retry-After" in made[-1].headers
    assert asked.as_("bob").post(RUNS, json=SMALL).status_code == 201
    ann.post(f"{RUNS}/{made[0].json()['key']}/stop")
    assert ann.post(RUNS, json=SMALL).status_code == 201
    with pytest.raises(QuotaError):
        asked.service.submissions.submit(
            key="z", owner="ann", name="z", task="digits", document={}, digest="", folder="z", job={"verb": "run"},
            most_active=0,
        )  # fmt: skip


def test_pages_of_the_list_have_no_gap(asked, ann):
    for n in range(7):
        asked.service.submissions.submit(
            key=f"k{n}", owner="ann" if n % 2 else "bob", name="x", task="digits", document=_whole(), digest="",
            folder=f"digits/{n}", job={"verb": "run"},
        )  # fmt: skip
    seen, cursor = [], None
    while True:
        page = ann.get(RUNS, params={"limit": 3} | ({} if cursor is None else {"cursor": cursor})).json()
        seen += [run["key"] for run in page["runs"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [f"k{n}" for n in reversed(range(7))]
    assert len(ann.get(RUNS, params={"owner": "bob"}).json()["runs"]) == 4
    assert ann.get(RUNS, params={"state": "done"}).json()["runs"] == []
    assert ann.get(RUNS, params={"state": "odd"}).status_code == 422


def _whole():
    from runs.service.document.model import RunDocument

    return RunDocument.model_validate(SMALL).model_dump(mode="json")


def test_stop_resume_and_hide(ann, key, asked):
    assert ann.post(f"{RUNS}/{key}/resume").status_code == 409
    assert ann.delete(f"{RUNS}/{key}").status_code == 409
    assert ann.post(f"{RUNS}/{key}/stop").json()["state"] == "stopped"
    assert ann.post(f"{RUNS}/{key}/stop").status_code == 409
    again = ann.post(f"{RUNS}/{key}/resume").json()
    assert again["state"] == "queued" and [job["state"] for job in again["jobs"]] == ["stopped", "queued"]
    ann.post(f"{RUNS}/{key}/stop")
    assert ann.delete(f"{RUNS}/{key}").status_code == 204
    assert ann.get(f"{RUNS}/{key}").status_code == 404 and ann.get(RUNS).json()["runs"] == []


def test_a_run_gets_another_name(ann, key):
    assert ann.patch(f"{RUNS}/{key}", json={"name": "better"}).json()["name"] == "better"
    assert ann.patch(f"{RUNS}/{key}", json={"name": "../x"}).status_code == 422


def test_a_fork_names_a_run_of_its_task(ann, key):
    made = ann.post(f"{RUNS}/{key}/fork", json={"document": {**SMALL, "budget": {"latency_ms": 9}}})
    assert made.status_code == 201 and made.json()["document"]["fork"] == key
    other = ann.post(f"{RUNS}/{key}/fork", json={"document": {"task": "ett"}})
    assert other.status_code == 422 and other.json()["parameter"] == "fork"


def test_an_export_is_asked_of_a_finished_run(ann, key, asked, find):
    (network,) = find(key, 1)
    assert ann.post(f"{RUNS}/{key}/exports", json={"key": network}).status_code == 409
    job = asked.service.jobs.claim(runner="r", host="h", lacks=lambda job: None)
    asked.service.jobs.finish(job.id, job.attempt, "done")
    assert ann.post(f"{RUNS}/{key}/exports", json={"key": "unknown"}).status_code == 404
    asked_for = ann.post(f"{RUNS}/{key}/exports", json={"key": network, "formats": ["onnx"]}).json()
    assert asked_for["jobs"][-1]["verb"] == "export" and asked_for["state"] == "queued"
    job = asked.service.jobs.claim(runner="r", host="h", lacks=lambda job: None)
    assert job.arguments == {"key": network, "formats": ["onnx"], "measure": True}
    asked.service.jobs.finish(job.id, job.attempt, "failed", {"parameter": "x"})
    assert ann.get(f"{RUNS}/{key}").json()["state"] == "done", "a failed export leaves a finished run finished"


def test_a_job_needs_what_its_document_says():
    from runs.service.document.model import RunDocument

    document = RunDocument.model_validate({"dataset": "mine", "accelerator": "cuda"})
    job = job_of(document, verb="run")
    assert job["needs"] == {"accelerator": "cuda", "runtime": "onnxruntime", "dataset": "mine"} and job["is_exclusive"]


def test_what_machines_lack_stands_with_the_job_that_waits(ann, key, asked):
    assert asked.service.log(key).is_file(), "by which runners know the server's folder"
    asked.service.jobs.claim(runner="r", host="h", lacks=lambda job: "the accelerator cpu")
    (job,) = ann.get(f"{RUNS}/{key}").json()["jobs"]
    assert job["refusals"] == {}, "no runner of this machine lives"
    asked.service.runners.join("r", host="h", abilities={})
    (job,) = ann.get(f"{RUNS}/{key}").json()["jobs"]
    assert job["refusals"] == {"h": "the accelerator cpu"} and ann.get("/api/v1/jobs").json() == [job]


def test_a_request_that_is_refused_or_repeated_leaves_no_log(ann, asked):
    headers = {"Idempotency-Key": "one"}
    keys = {ann.post(RUNS, json=SMALL, headers=headers).json()["key"] for _ in range(2)}
    while ann.post(RUNS, json=SMALL).status_code == 201:
        pass
    runs = {run["key"] for run in ann.get(RUNS).json()["runs"]}
    logs = {path.stem for path in (asked.service.settings.folder / "service").glob("*.log")}
    assert len(keys) == 1 and logs == runs
