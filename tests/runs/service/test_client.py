"""The client without a service, with one that refuses, and with one that is none; settings from words."""

from __future__ import annotations

import io
import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import nasweave as nw
from runs.service.client.requests import Requests, ServiceError
from runs.service.client.run import RemoteRun
from runs.service.client.shell import run_at
from runs.service.client.unpacking import unpacked
from runs.service.runner.machine import abilities, lacking
from runs.service.settings import DatasetSettings, RunnerSettings, ServerSettings, TokenSettings, read_words
from runs.service.tokens import this_user
from runs.store.service.records import Job
from search_space.errors import ConfigError

ANSWERS = {
    "/api/v1/me": (302, b"", {"Location": "http://127.0.0.1:1/steal"}),
    "/api/v1/runs/refused": (409, b'{"parameter": "p", "expected": "e", "got": "g", "remedy": "r"}', {}),
    "/api/v1/runs/strange": (418, b"<html>", {}),
    "/api/v1/runs/page": (200, b"<html>", {}),
}


class Strange(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body, headers = ANSWERS[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Strange) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_refusals_are_errors_with_four_parts(url):
    with pytest.raises(ServiceError) as refused:
        Requests(url, "t").json("GET", "/runs/refused")
    assert str(refused.value) == "p: expected e, got g; r" and refused.value.status == 409
    with pytest.raises(ServiceError, match="HTTP 418"):
        Requests(url, "t").json("GET", "/runs/strange")
    with pytest.raises(ServiceError, match="expected a service of nasweave"):
        Requests(url, "t").json("GET", "/runs/page")


def test_what_speaks_another_protocol_is_no_service():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ServiceError, match="SSH-2"):
            nw.connect(f"http://127.0.0.1:{listener.getsockname()[1]}", "t")
        thread.join()


def test_a_token_follows_no_redirection(url):
    with pytest.raises(ServiceError, match="HTTP 302"):
        nw.connect(url, "t")


@pytest.mark.parametrize(
    "address",
    ["ftp://host", "host:80", "http://", "http://user:secret@host", "", "http://a:b", "http://a b", "http://[::1"],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError) as refused:
        nw.connect(address)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("token", ["nw_a\nX-Scope: admin", "nw_€", "nw_a b"])
def test_a_token_that_is_none_is_refused_and_not_shown(token):
    with pytest.raises(ConfigError) as refused:
        nw.connect("http://127.0.0.1:9", token)
    assert "nw_" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "before", "after", "downloaded"),
    [
        ("a", ["a", "b"], ["a", "b"], "a"),
        ("knee", ["a", "b"], ["a", "b", "c"], "c"),
        ("knee", ["a"], ["a"], "a"),
        ("knee", ["a", "b"], ["a", "b"], None),  # one of them: which one the service does not say
    ],
)
def test_an_export_is_the_network_that_was_asked_for(monkeypatch, key, before, after, downloaded):
    listed = iter([before, after])

    def told(self: Requests, method: str, path: str, **more: object) -> object:
        if path.endswith("/exports") and method == "GET":
            return [{"key": one} for one in next(listed)]
        return {"state": "done", "jobs": [{"state": "done"}]}

    monkeypatch.setattr(Requests, "json", told)
    monkeypatch.setattr(RemoteRun, "_download", lambda self, network, to: network)
    run = RemoteRun(Requests("http://127.0.0.1:9", "t"), "k")
    if downloaded is None:
        with pytest.raises(ConfigError, match="one of a, b"):
            run.export(key, to="here")
    else:
        assert run.export(key, to="here") == downloaded


def test_no_service_is_one_clear_line():
    with pytest.raises(ServiceError, match="is nasweave serve running there"):
        nw.connect("http://127.0.0.1:9", "t")


@pytest.mark.parametrize("words", [[], ["http://127.0.0.1:9"], ["http://127.0.0.1:9", "delete"]])
def test_words_that_make_no_sense_are_refused(words):
    with pytest.raises(ConfigError, match="--server"):
        run_at(words)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (ServerSettings, "port=x"),
        (ServerSettings, "port=70000"),
        (ServerSettings, "https=yes"),
        (ServerSettings, "colour=red"),
        (ServerSettings, "port"),
        (RunnerSettings, "slots=0"),
        (TokenSettings, "scopes=read,all"),
        (TokenSettings, "scopes="),
        (TokenSettings, "kind=session"),
        (TokenSettings, "days=0"),
        (DatasetSettings, "remove=maybe"),
    ],
)
def test_settings_are_refused_in_one_line(kind, word):
    with pytest.raises(ConfigError):
        read_words(kind, [word])


def test_a_server_is_known_by_its_names():
    settings = read_words(ServerSettings, ["host=0.0.0.0", "names=Search.Example, other"])
    assert {"search.example", "other", "127.0.0.1", "localhost"} <= settings.host_names
    assert "0.0.0.0" not in settings.host_names and not settings.is_loopback


def test_an_open_address_needs_a_token(tmp_path):
    from runs.service.serving import serve

    with pytest.raises(ConfigError, match="and no token"):
        serve(ServerSettings(host="0.0.0.0", port=0, outputs=str(tmp_path)))


def test_a_user_without_a_name_has_a_number(monkeypatch):
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert this_user() == f"user-{os.getuid()}"


def test_a_zip_that_leads_elsewhere_is_damaged_or_has_no_place_is_refused(tmp_path):
    def packed(name: str) -> bytes:
        with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
            archive.writestr(name, "content")
        return file.getvalue()

    whole = packed("made/a.txt")
    assert (unpacked(io.BytesIO(whole), tmp_path / "to") / "a.txt").read_text() == "content"
    (tmp_path / "file").touch()
    for content, to, said in (
        (whole[:-20], "to", "zip: expected a whole zip"),
        (whole.replace(b"content", b"changed"), "to", "zip: expected a whole zip"),
        (packed("../a.txt"), "to", "zip: expected one folder"),
        (packed("/a.txt"), "to", "zip: expected one folder"),
        (whole, "file", "to: expected a folder that can be written"),
    ):
        with pytest.raises(ConfigError, match=said):
            unpacked(io.BytesIO(content), tmp_path / to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "to"]


def test_a_machine_tells_what_it_can_do():
    able = abilities(RunnerSettings())
    assert "onnxruntime" in able["runtimes"] and "torch_cuda" not in able["runtimes"] and able["cores"] >= 1
    same = {"id": 1, "submission_id": 1, "verb": "run", "arguments": {}, "is_exclusive": True, "state": "queued"}
    same |= {"wants_stop": False, "attempt": 0, "runner": None, "host": None, "process": None, "created_s": 0.0}
    same |= {"started_s": None, "heartbeat_s": None, "finished_s": None, "reason": {}, "refusals": {}}
    for needs, expected in (
        ({}, None),
        ({"accelerator": "cuda"}, "the accelerator cuda"),
        ({"runtime": "torch_cuda"}, "the runtime torch_cuda"),
    ):
        assert lacking(Job(needs=needs, **same), able) == expected, needs
