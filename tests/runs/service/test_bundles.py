"""Bundles for devices: those of the command line, asked for and downloaded, one at a time, bounded."""

from __future__ import annotations

import errno
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from runs.app.jobs.bundling import bundled
from runs.service.client.connection import Connection
from runs.service.server import bundles
from runs.service.server.asking import answer_of
from tests.runs.service.conftest import SMALL
from tests.runs.tiny import nasweave

TINY = {
    "task": "digits",
    "choices": {
        "embed_dim": [8], "depth": [1], "head_dim": 4, "num_heads": [2], "ratio": [1],
        "mixer": ["softmax"], "channel_mixer": ["mlp"], "precision": ["float"],
    },
    "profile": {"networks": 1},
}  # fmt: skip
PARTS = {"parameter", "expected", "got", "remedy"}


@pytest.fixture
def written(monkeypatch):
    """Let bundles be written in this process, by a program that one may replace; returns what was asked."""
    questions = []

    def answer(module, asked, **limits):
        questions.append(asked)
        return bundled(asked)

    monkeypatch.setattr(bundles, "answer_of", answer)
    return questions


def wait():
    for thread in threading.enumerate():
        if thread.name == "bundle":
            thread.join(60)


def contents(folder: Path) -> dict[str, Any]:
    """Return the files of a bundle; what the machine's load was is no part of them, nor is the identity made of it."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    told = json.loads(files.pop("bundle.json"))
    told.pop("id")
    told["provenance"].pop("load before")
    return {**files, "bundle.json": told}


def full(context):
    raise OSError(errno.ENOSPC, "No space left on device")


class OfTest:
    """The requests of a client, answered within this process."""

    def __init__(self, client):
        self.client = client

    def json(self, method, path, *, body=None):
        wait()
        return self.client.request(method, f"/api/v1{path}", json=body).json()

    def open(self, method, path, *, timeout_s):
        data = self.client.request(method, f"/api/v1{path}").content
        return io.BytesIO(data)


def test_the_bundle_is_that_of_the_command_line(asked, ann, written, tmp_path, monkeypatch):
    monkeypatch.setattr("runs.service.client.connection._PERIOD_S", 0.01)
    folder = Connection(OfTest(ann)).bundle({**TINY, "budget": {"latency_ms": 1}}, to=tmp_path / "mine")
    assert folder.name == "bundle_digits_onnxruntime_t1"
    again = ann.post("/api/v1/bundles", json={"document": TINY}).json()
    assert again["state"] == "done" and len(written) == 1, "the budget changes nothing of a bundle"
    words = ["space.embed_dim=[8]", "space.depth=[1]", "space.head_dim=4", "space.num_heads=[2]", "space.ratio=[1]"]
    words += ["space.mixer=[softmax]", "space.channel_mixer=[mlp]", "space.precision=[float]", "profile.networks=1"]
    assert (
        nasweave(monkeypatch, "profile", "task=digits", f"bundle={tmp_path}/there", f"outputs={tmp_path}/o", *words)
        == 0
    )
    assert contents(folder) == contents(tmp_path / "there") and len(contents(folder)) > 20
    left = [path.name for path in (asked.service.settings.folder / "service" / "bundles").iterdir()]
    assert left == [f"{again['key']}.zip"]
    assert str(tmp_path) not in (folder / "bundle.json").read_text()


def test_what_cannot_be_written_is_refused_in_the_words_of_the_command_line(asked, ann, written, monkeypatch):
    document = {**TINY, "device": {"runtime": "torch"}}
    key = ann.post("/api/v1/bundles", json={"document": document}).json()["key"]
    wait()
    told = ann.get(f"/api/v1/bundles/{key}").json()
    assert told["state"] == "failed" and told["reason"]["parameter"] == "device.runtime", told
    assert "onnxruntime" in told["reason"]["expected"] and ann.get(f"/api/v1/bundles/{key}.zip").status_code == 409
    missing = f"{asked.service.settings.folder}/data/away.csv"
    asked.service.datasets.register("mine", task="csv", options={"path": missing})
    key = ann.post("/api/v1/bundles", json={"document": {"dataset": "mine"}}).json()["key"]
    wait()
    told = str(ann.get(f"/api/v1/bundles/{key}").json())
    assert "'failed'" in told and missing not in told and "mine" in told
    monkeypatch.setattr(bundles, "_MOST_BYTES", 10)
    monkeypatch.setattr("runs.app.jobs.bundling._PERIOD_S", 0.0)
    key = ann.post("/api/v1/bundles", json={"document": TINY}).json()["key"]
    wait()
    assert ann.get(f"/api/v1/bundles/{key}").json()["reason"]["expected"] == "at most 10 bytes"
    monkeypatch.setattr("runs.app.jobs.bundling.export_bundle", full)
    key = ann.post("/api/v1/bundles", json={"document": TINY}).json()["key"]
    wait()
    assert ann.get(f"/api/v1/bundles/{key}").json()["reason"]["got"] == "No space left on device"
    assert list((asked.service.settings.folder / "service" / "bundles").iterdir()) == []
    assert asked.as_("eve", "read").post("/api/v1/bundles", json={"document": TINY}).status_code == 403
    assert ann.get("/api/v1/bundles/unknown").status_code == 404


def test_one_at_a_time_is_written_and_few_are_kept(asked, ann, monkeypatch):
    stop = threading.Event()

    def slow(module, question, **limits):
        assert stop.wait(20)
        path = Path(question["folder"]) / "bundle.zip"
        path.write_bytes(b"zip")
        return {"done": str(path)}

    monkeypatch.setattr(bundles, "answer_of", slow)
    monkeypatch.setattr(bundles, "_MOST_KEPT", 1)
    first, again = (ann.post("/api/v1/bundles", json={"document": TINY}).json() for _ in range(2))
    assert first == again and first["state"] == "running"
    other = ann.post("/api/v1/bundles", json={"document": {"task": "digits"}})
    assert other.status_code == 503 and set(other.json()) == PARTS and other.headers["retry-after"]
    stop.set()
    wait()
    assert ann.get(f"/api/v1/bundles/{first['key']}.zip").content == b"zip"
    second = ann.post("/api/v1/bundles", json={"document": {"task": "digits"}}).json()
    wait()
    ann.post("/api/v1/bundles", json={"document": SMALL})
    wait()
    assert ann.get(f"/api/v1/bundles/{first['key']}").status_code == 404
    monkeypatch.setattr(bundles, "_KEPT_S", -1.0)
    ann.post("/api/v1/bundles", json={"document": TINY})
    assert ann.get(f"/api/v1/bundles/{second['key']}").status_code == 404


def test_a_process_that_hangs_is_killed_and_one_that_ends_has_not_answered():
    module = "tests.runs.service.small_checks"
    with pytest.raises(TimeoutError):
        answer_of(module, {"do": "wait"}, limit_s=0.3)
    with pytest.raises(EOFError, match="0"):
        answer_of(module, {"do": "end"}, limit_s=20)
