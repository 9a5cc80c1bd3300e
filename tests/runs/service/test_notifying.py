"""The webhook: signed, sent once whatever fails, to no other address, and never waited for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from runs.service import notifying
from runs.service.notifying import Notifier, Webhook, signature
from runs.service.runner import processes
from runs.service.settings import RunnerSettings
from runs.store.service import notices as store
from runs.store.service.jobs import Jobs
from runs.store.service.notices import Notices
from search_space.errors import ConfigError
from tests.runs.service.test_jobs import database, nothing, submit

__all__ = ["database"]

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver(HTTPServer):
    """Answers with the next of some statuses, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.got = [], []
        self.url = f"http://127.0.0.1:{self.server_port}/hook?token=t"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        receiver.got.append((self.path, self.headers, body))
        self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
        self.send_header("Location", receiver.url)
        self.end_headers()

    do_GET = do_POST  # as a redirection would be followed

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def ended(database):
    """A run that failed, with the worker of its search."""
    (run,) = submit(database, "a")
    jobs = Jobs(database)
    job = jobs.claim(runner="r", host="h", lacks=nothing)
    jobs.share(job.id, 1, {"verb": "run"}, workers=1)
    jobs.finish(job.id, 1, "failed", {"parameter": "p", "expected": "e", "got": "g", "remedy": "r"})
    assert [job.state for job in jobs.of(run)] == ["failed", "stopped"]
    return job


def test_the_signature_is_that_of_standard_webhooks():
    secret = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")  # of the tests of its library
    body = b'{"event_type":"ping","data":{"success":true}}'
    signed = signature(secret, "msg_loFOjxBNrRLzqYUf", "1731705121", body)
    assert signed == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_what_ended_is_told_once_and_signed(database, receiver, ended):
    notifier = Notifier(Webhook(receiver.url, SECRET), Notices(database))
    assert notifier.turn() and not notifier.turn() and Notices(database).given_up() == 0
    ((path, headers, body),) = receiver.got
    told = json.loads(body)
    assert path == "/hook?token=t" and told["type"] == "run.failed" and told["path"] == "/runs/a"
    assert (
        told["owner"] == "ann"
        and told["reason"]["remedy"] == "r"
        and told["finished_s"] == pytest.approx(Jobs(database).get(ended.id).finished_s)
    )
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_what_does_not_arrive_is_tried_five_times_and_no_redirection_is_followed(
    database, receiver, ended, monkeypatch, caplog
):
    receiver.statuses = [302, 500, 404, 307, 503]
    notices = Notices(database)
    notifier = Notifier(Webhook(receiver.url, SECRET), notices)
    assert notifier.turn() and not notifier.turn(), "the next try is due later"
    monkeypatch.setattr(store, "DELAYS_S", (0.0,) * 4)
    with database._write() as session:
        session.query(store.NoticeRow).update({"due_s": 0.0})
    for _ in range(4):
        assert notifier.turn()
    assert not notifier.turn() and len(receiver.got) == 5 and notices.given_up() == 1
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert "status 302" in caplog.text and "given up" in caplog.text
    assert "token=t" not in caplog.text and SECRET not in caplog.text


def test_two_servers_share_the_notices_and_what_is_old_is_left(database, ended, monkeypatch):
    assert Notices(database).take() is not None and Notices(database).take() is None
    job = submit(database, "b") and Jobs(database).claim(runner="r", host="h", lacks=nothing)
    Jobs(database).finish(job.id, 1, "done")
    monkeypatch.setattr(store, "_OLDEST_S", -1.0)
    assert Notices(database).take() is None


def test_a_thread_tells_while_a_server_runs(database, receiver, ended, monkeypatch):
    monkeypatch.setattr(notifying, "_PERIOD_S", 0.01)
    notifier = Notifier(Webhook(receiver.url, SECRET), Notices(database))
    notifier.start()
    end = time.monotonic() + 20
    while not receiver.got and time.monotonic() < end:
        time.sleep(0.01)
    notifier.end()
    assert len(receiver.got) == 1 and not notifier.is_alive()


def test_a_receiver_that_drips_is_left_in_time(database, ended):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        left = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while not left.wait(0.05):
                    connection.send(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        webhook = Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}", SECRET)
        assert webhook.send(Notices(database).take(), limit_s=0.3) is not None
        assert time.monotonic() - began < 5
        left.set()
        thread.join()


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://chat.example/secretpath", SECRET),
        ("http://127.0.0.1.example/secretpath", SECRET),
        ("https://ann:secretpath@chat.example", SECRET),
        ("file:///secretpath", SECRET),
        ("https:///secretpath", SECRET),
        ("https://chat.example:x/secretpath", SECRET),
        ("https://chat.example/secretpath\r\nHost: b", SECRET),
        ("", SECRET),
        ("https://chat.example/secretpath", ""),
        ("https://chat.example/secretpath", SECRET.removeprefix("whsec_")),
        ("https://chat.example/secretpath", "whsec_secretpath"),
    ],
)
def test_another_address_or_secret_is_refused_and_not_shown(url, secret):
    with pytest.raises(ConfigError) as refused:
        Webhook(url, secret)
    assert refused.value.parameter.startswith("NASWEAVE_WEBHOOK")
    assert "secretpath" not in str(refused.value) and SECRET not in str(refused.value)


def test_no_process_that_a_server_or_a_runner_starts_has_the_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("NASWEAVE_WEBHOOK", "https://chat.example")
    monkeypatch.setenv("NASWEAVE_WEBHOOK_SECRET", SECRET)
    job = SimpleNamespace(id=1, attempt=1)
    monkeypatch.setattr(processes.subprocess, "Popen", lambda words, **given: given["env"])
    given = processes.start(job, "a", RunnerSettings(outputs=str(tmp_path)))  # of a runner that has both as well
    assert "PATH" in given and SECRET not in given.values() and "https://chat.example" not in given.values()
    assert Webhook.taken() is not None and Webhook.taken() is None
