"""What a run has found, as it is asked for and as pages follow it."""

from __future__ import annotations

import asyncio
import errno
import json
import zipfile
from io import BytesIO

import pytest

from runs.service.server.feed import START, Feed, position_of
from runs.store.failures import UnreachableError

RUNS = "/api/v1/runs"


def test_candidates_after_a_change(ann, key, find):
    keys = find(key, 4)
    found = ann.get(f"{RUNS}/{key}/candidates").json()
    assert [(c["change"], c["key"]) for c in found] == list(enumerate(keys, 1))
    assert [c["key"] for c in ann.get(f"{RUNS}/{key}/candidates?after=2").json()] == keys[2:]
    find(key, 1)  # written again: the change is new, the network is not
    assert [(c["change"], c["key"]) for c in ann.get(f"{RUNS}/{key}/candidates?after=4").json()] == [(5, keys[0])]
    network = ann.get(f"{RUNS}/{key}/candidates/{keys[0]}").json()
    assert network["architecture"]["layers"] and network["values"]["validation_error"] == 50.0
    assert ann.get(f"{RUNS}/{key}/candidates/nothing").status_code == 404


def test_the_front_is_that_within_the_budget(ann, key, find):
    keys = find(key, 4)  # latencies of 1, 2, 3 and 4 ms; the document's limit is 2.5 ms
    own = ann.get(f"{RUNS}/{key}/front").json()
    assert own["budget"] == {"latency_ms": 2.5} and {c["key"] for c in own["front"]} == set(keys[:2])
    wider = ann.get(f"{RUNS}/{key}/front?budget.latency_ms=3").json()
    assert {c["key"] for c in wider["front"]} == set(keys[:3]) and wider["nearest"] == []
    none = ann.get(f"{RUNS}/{key}/front?budget.latency_ms=0.5").json()
    assert none["front"] == [] and len(none["nearest"]) == 4


def test_runs_are_compared(ann, key, find):
    other = ann.post(RUNS, json={"name": "other", "task": "digits"}).json()["key"]
    find(key, 4), find(other, 2)
    told = ann.get("/api/v1/compare", params={"runs": [key, other]}).json()
    assert [(one["name"], len(one["points"])) for one in told["runs"]] == [("small", 4), ("other", 2)]
    assert told["runs"][0]["hypervolume"] > told["runs"][1]["hypervolume"] > 0
    assert told["differences"] == {"budget.latency_ms": [2.5, None], "name": ["small", "other"]}
    text = ann.post(RUNS, json={"task": "ett"}).json()["key"]
    for runs in ([key], [key, key], [key, text], [key, "unknown"]):
        assert ann.get("/api/v1/compare", params={"runs": runs}).status_code in (404, 422)


@pytest.mark.parametrize("query", ["budget.latency_ms=x", "budget.latency_ms=nan", "budget.colour=1", "latency_ms=1"])
def test_a_wrong_budget_is_refused(ann, key, query):
    answer = ann.get(f"{RUNS}/{key}/front?{query}")
    assert answer.status_code == 422 and set(answer.json()) == {"parameter", "expected", "got", "remedy"}


def test_a_log_is_read_in_whole_lines_and_without_passwords(ann, key, asked):
    assert ann.get(f"{RUNS}/{key}/log").json() == {"text": "", "offset": 0}
    path = asked.service.log(key)
    path.write_bytes(b"one\npostgresql://ann:secret@host/db\nunfinis")
    part = ann.get(f"{RUNS}/{key}/log").json()
    assert "secret" not in part["text"] and part["text"].endswith("/db\n")
    path.write_bytes(path.read_bytes() + b"hed\n")
    assert ann.get(f"{RUNS}/{key}/log", params={"offset": part["offset"]}).json()["text"] == "unfinished\n"


def test_an_export_is_one_file_of_what_its_manifest_names(ann, key, asked, finished_export):
    network, folder = finished_export(key)
    (folder / "secret.txt").write_text("not exported")
    shown = ann.get(f"{RUNS}/{key}/exports").json()
    assert [one["key"] for one in shown] == [network] and "model.onnx" in shown[0]["files"]
    with zipfile.ZipFile(BytesIO(ann.get(f"{RUNS}/{key}/exports/{network}.zip").content)) as archive:
        assert sorted(archive.namelist()) == [f"small-{network}/manifest.json", f"small-{network}/model.onnx"]
    files = f"{RUNS}/{key}/exports/{network}/files"
    assert ann.get(f"{files}/model.onnx").content == b"weights"
    for name in ("secret.txt", "..%2f..%2fnasweave.db", "%2fetc%2fpasswd"):
        assert ann.get(f"{files}/{name}").status_code in (404, 422), name
    assert ann.get(f"{RUNS}/{key}/exports/other.zip").status_code == 404


def test_a_full_disk_and_a_lost_database_are_told(ann, asked, key, finished_export, monkeypatch):
    network, _ = finished_export(key)
    address = f"{RUNS}/{key}/exports/{network}.zip"

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    def lost(*arguments, **options):
        raise UnreachableError("db", expected="a server", got="none", remedy="start it")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.NamedTemporaryFile", full)
        answer = ann.get(address)
        assert answer.status_code == 507 and answer.json()["got"] == "No space left on device"
    monkeypatch.setattr(type(asked.service.submissions), "counts", lost)
    answer = asked.browser.get("/health")
    assert answer.status_code == 503 and answer.json()["remedy"] == "start it" and "Retry-After" in answer.headers


# ------------------------------------------------------------------ the feed


async def read(feed: Feed, number: int, folder: str, after, until: int) -> list[tuple[str, str, object]]:
    """Return the first events of a feed, ``(kind, id, data)``."""
    events: list[tuple[str, str, object]] = []
    async for chunk in feed.follow(number, folder, after=after):
        for block in chunk.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "event" in fields:
                events.append((fields["event"], fields["id"], json.loads(fields["data"])))
        if len(events) >= until:
            break
    return events


def test_a_page_that_comes_back_misses_nothing(asked, key, find):
    service = asked.service
    run = service.submissions.get(key)
    find(key, 2)

    async def watch():
        first = await read(service.feed, run.id, run.folder, START, 2)
        later = asyncio.create_task(read(service.feed, run.id, run.folder, position_of(first[-1][1]), 2))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(find, key, 3)
        await asyncio.to_thread(service.jobs.stop, run.id)
        second = await asyncio.wait_for(later, 20)
        service.feed.end()
        return first, second

    first, second = asyncio.run(watch())
    assert [kind for kind, _, _ in first] == ["happened", "candidates"] and first[-1][1] == "1-2"
    changes = [c["change"] for kind, _, data in second if kind == "candidates" for c in data]
    assert changes == [3, 4, 5] and [d["number"] for kind, _, d in second if kind == "happened"] == [2]


def test_many_pages_cost_one_query(asked, key, find, monkeypatch):
    service = asked.service
    run = service.submissions.get(key)
    asked_for: list[object] = []
    heads = service.results.heads
    monkeypatch.setattr(type(service.results), "heads", lambda self, n: asked_for.append(n) or heads(n), raising=True)

    async def watch():
        pages = [asyncio.create_task(read(service.feed, run.id, run.folder, START, 2)) for _ in range(50)]
        await asyncio.sleep(0.3)
        assert service.feed.watching == 50
        await asyncio.to_thread(find, key, 1)
        found = await asyncio.wait_for(asyncio.gather(*pages), 20)
        service.feed.end()
        return found

    found = asyncio.run(watch())
    assert all([kind for kind, _, _ in events] == ["happened", "candidates"] for events in found)
    assert len(asked_for) < 10 and service.feed.watching == 0


@pytest.mark.parametrize("text", [None, "", "x", "1", "1-", "-1-2", "1-2-3", "9" * 30 + "-1"])
def test_an_id_that_says_nothing_sends_everything(text):
    assert position_of(text) == START
