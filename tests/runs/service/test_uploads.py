"""Uploads: kept if a run can read them, refused in the words of their readers, and gone without a trace otherwise."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from runs.app.jobs.unpacking import unpack
from runs.app.jobs.uploading import uploaded
from runs.service.server import uploads
from runs.service.server.application import guarded
from runs.service.server.uploads import Uploads
from search_space.errors import DataError
from tests.runs.service.conftest import URL

TABLE = "width,height,label\n" + "".join(f"{n % 7},{n % 5},{'ab'[n % 2]}\n" for n in range(60))
PARTS = {"parameter", "expected", "got", "remedy"}


@pytest.fixture
def open_to_all(asked):
    """A service that takes uploads of 20 kB, 25 kB of each user; what they hold is read in this process."""
    settings = replace(asked.service.settings, upload_bytes=20_000, owner_bytes=25_000)
    service = replace(asked.service, settings=settings, uploads=Uploads(settings, asked.service.datasets))
    asked.browser = TestClient(guarded(service), base_url=URL, raise_server_exceptions=False)
    asked.service = service
    return asked


@pytest.fixture
def read_here(monkeypatch):
    monkeypatch.setattr(uploads, "_answer", uploaded)


def send(client, body, *, name="mine", task="table", kind="csv", options=None):
    query = {"name": name, "task": task, "kind": kind, "options": json.dumps(options or {})}
    return client.post("/api/v1/datasets", params=query, content=body)


def files(asked) -> list[Path]:
    folder = asked.service.settings.folder / "service" / "datasets"
    return [path for path in folder.glob("*/**/*") if path.is_file()]


def packed(names: dict[str, bytes], **options) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", **options) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return data.getvalue()


def picture(n: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), n, np.uint8)).save(data, "PNG")
    return data.getvalue()


def test_what_is_uploaded_is_there_for_runs_until_its_owner_removes_it(open_to_all):
    """By the process that reads, as in a service."""
    ann, bob = open_to_all.as_("ann"), open_to_all.as_("bob")
    answer = send(ann, TABLE, options={"ignore": "height"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["name"], told["owner"]) == ("mine", "ann")
    assert told["facts"]["examples"].startswith("49 for training, 5 for")
    (file,) = files(open_to_all)
    assert file.read_text() == TABLE and open_to_all.service.datasets.used("ann") == len(TABLE)
    assert bob.get("/api/v1/datasets").json() == [{"name": "mine", "task": "table", "owner": "ann"}]
    assert str(file) not in answer.text + bob.get("/new").text
    check = bob.post("/api/v1/checks", json={"dataset": "mine"})
    assert check.status_code == 200 and check.json()["corners"], check.text
    run = bob.post("/api/v1/runs", json={"dataset": "mine"}).json()
    assert run["task"] == "table"
    assert bob.delete("/api/v1/datasets/mine").status_code == 403
    assert ann.delete("/api/v1/datasets/mine").status_code == 409
    bob.post(f"/api/v1/runs/{run['key']}/stop")
    assert ann.delete("/api/v1/datasets/mine").status_code == 204
    assert files(open_to_all) == [] and ann.get("/api/v1/datasets").json() == []


def test_a_zip_of_pictures_is_a_data_set(open_to_all, read_here):
    pictures = {f"mine/{c}/{n}.png": picture(n) for c in ("cat", "dog") for n in range(12)}
    answer = send(open_to_all.as_("ann"), packed({**pictures, "__MACOSX/x": b""}), task="image_folder", kind="zip")
    assert answer.status_code == 201, answer.text
    assert len(files(open_to_all)) == 24
    data = open_to_all.service.datasets.get("mine")
    assert data.options["path"].endswith("/data/mine") and data.size_bytes == sum(map(len, pictures.values()))


@pytest.mark.parametrize(
    ("change", "status", "parameter"),
    [
        ({"body": b""}, 422, "body"),
        ({"body": b"x" * 20_001}, 413, "body"),
        ({"body": (b"x" * 1000 for _ in range(21))}, 413, "body"),
        ({"body": b"\x00\xff"}, 422, None),
        ({"body": "width,label\n1,a\n"}, 422, None),
        ({"kind": "zip"}, 422, "kind"),
        ({"kind": "pkl"}, 422, "kind"),
        ({"task": "digits"}, 422, "task"),
        ({"name": "../x"}, 422, "name"),
        ({"options": {"path": "/etc/passwd"}}, 422, "options"),
        ({"options": {"test_path": "/etc/passwd"}}, 422, "options"),
        ({"task": "image_folder", "kind": "zip", "options": {"labels_path": "a.csv"}}, 422, "options"),
        ({"options": {"colour": 1}}, 422, "options"),
        ({"options": {"label": "${oc.env:HOME}"}}, 422, None),
        ({"options": {"label": ["a"]}}, 422, None),
        ({"options": {"label": "nothing"}}, 422, None),
        ({"task": "npz", "kind": "npz", "body": packed({"x_train.npy": b"\x80\x04."})}, 422, None),
        ({"task": "image_folder", "kind": "zip", "body": packed({"../cat/1.png": b""})}, 422, "zip"),
        ({"task": "image_folder", "kind": "zip", "body": packed({"a/1.png": b""})}, 422, None),
    ],
)
def test_what_is_refused_leaves_nothing(open_to_all, read_here, change, status, parameter):
    answer = send(open_to_all.as_("ann"), **{"body": TABLE, **change})
    told = answer.json()
    assert answer.status_code == status and set(told) == PARTS and all(told.values()), told
    assert parameter in (None, told["parameter"])
    folder = open_to_all.service.settings.folder / "service" / "datasets"
    assert str(folder) not in answer.text and list(folder.glob("*")) == []
    assert open_to_all.service.datasets.list() == []


def test_nothing_is_taken_unless_the_administrator_permits_it(ann):
    answer = send(ann, TABLE)
    assert answer.status_code == 403 and "upload_bytes" in answer.json()["remedy"]


def test_a_name_is_given_once_and_each_user_has_a_share(open_to_all, read_here):
    ann = open_to_all.as_("ann")
    assert open_to_all.as_("eve", "read").post("/api/v1/datasets").status_code == 403
    long = TABLE + "1,2,a\n" * 3000
    assert send(ann, long).status_code == 201
    assert send(open_to_all.as_("bob"), TABLE).status_code == 409
    answer = send(ann, long, name="other")
    assert answer.status_code == 413 and "25000 for all uploads of ann" in answer.text
    assert send(open_to_all.as_("bob"), long, name="other").status_code == 201
    assert len(files(open_to_all)) == 2


def test_two_at_once_do_not_exceed_the_share(asked):
    """Each was within it when it began."""
    datasets = asked.service.datasets
    row = {"task": "table", "options": {}, "owner": "ann", "size_bytes": 6, "most_bytes": 10}
    assert datasets.add("a", **row)
    with pytest.raises(Exception, match="12 with this one"):
        datasets.add("b", **row)
    assert [data.name for data in datasets.list()] == ["a"] and datasets.used("ann") == 6


@pytest.mark.parametrize(("end", "status"), [("goes away", 400), ("falls silent", 408)])
def test_a_browser_that_does_not_finish_leaves_nothing(open_to_all, monkeypatch, end, status):
    monkeypatch.setattr(uploads, "_RECEIVED_S", 0.2)
    monkeypatch.setattr(uploads, "_DRAINED_S", 0.1)
    token = open_to_all.service.tokens.make("token", owner="ann", scopes=["submit"], seconds=60)
    messages = [{"type": "http.request", "body": b"a,b\n", "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/api/v1/datasets", "scheme": "http",
        "raw_path": b"/api/v1/datasets", "query_string": b"name=mine&task=table&kind=csv",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {token}".encode())],
    }  # fmt: skip

    async def receive():
        if len(messages) == 1 and end == "falls silent":
            await anyio.sleep(20)
        return messages.pop(0) if len(messages) > 1 else messages[0]

    answers = []

    async def send_back(message):
        answers.append(message)

    anyio.run(guarded(open_to_all.service), scope, receive, send_back)
    assert answers[0]["status"] == status and b"whole file" in answers[1]["body"]
    folder = open_to_all.service.settings.folder / "service" / "datasets"
    assert folder.is_dir() and list(folder.glob("*")) == [] and open_to_all.service.datasets.list() == []


def test_what_a_killed_server_left_goes_when_it_is_old(open_to_all, read_here, monkeypatch):
    assert send(open_to_all.as_("ann"), TABLE).status_code == 201
    left = open_to_all.service.settings.folder / "service" / "datasets" / "left"
    left.mkdir()
    open_to_all.service.uploads.clean()
    assert left.exists()
    monkeypatch.setattr(uploads, "_OLD_S", -1.0)
    open_to_all.service.uploads.clean()
    assert not left.exists() and len(files(open_to_all)) == 1


# ------------------------------------------------------------------ zips


def test_what_a_zip_holds_is_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(packed({"train/cat/1.png": b"1", "test/cat/2.png": b"2", ".hidden/x": b"3"}))
    folder = unpack(tmp_path / "a.zip", tmp_path / "a", most_bytes=2)
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*.png")} == {"train/cat/1.png", "test/cat/2.png"}
    assert not (folder / ".hidden").exists()


def linked() -> bytes:
    data, link = io.BytesIO(), zipfile.ZipInfo("a")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return data.getvalue()


def locked() -> bytes:
    data = bytearray(packed({"a": b"1"}))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + place] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        packed({"a": b"1" * 99})[:-30],
        packed({"a": b"12345"}).replace(b"12345", b"12346"),
        packed({"/a": b""}),
        packed({"a/../../b": b""}),
        packed({"a\\..\\b": b""}),
        packed({"c:a": b""}),
        packed({"a/" * 7 + "b": b""}),
        packed({"a" * 201: b""}),
        packed({"a": b"1", "a/b": b"2"}),
        packed({"a": b"0" * 10**6}, compression=zipfile.ZIP_DEFLATED),
        linked(),
        locked(),
    ],
)
def test_a_zip_that_is_not_what_it_should_be_is_refused(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match="zip"):
        unpack(tmp_path / "a.zip", tmp_path / "inside", most_bytes=10**5)
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("a.zip", "inside")] == []


def test_the_sizes_that_a_zip_declares_are_not_believed(tmp_path):
    data = packed({"a": b"0" * 10**6}, compression=zipfile.ZIP_DEFLATED)
    (tmp_path / "a.zip").write_bytes(data.replace((10**6).to_bytes(4, "little"), (9).to_bytes(4, "little")))
    with pytest.raises(DataError):
        unpack(tmp_path / "a.zip", tmp_path / "inside", most_bytes=10**5)
    assert sum(path.stat().st_size for path in (tmp_path / "inside").iterdir()) <= 10**5
