"""A webhook that is told of every run and export that ends, so that nobody has to look.

The administrator alone sets it, in the environment of the server: its address may hold a token, as those of chats do.
A message is signed as `Standard Webhooks <https://www.standardwebhooks.com>`_ says, and sent by a thread of the server
alone: however slow the receiver is, no job and no request waits for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from runs.store.service.notices import Notice, Notices
from search_space.errors import ConfigError, StoreError

__all__ = ["SECRET_VARIABLE", "WEBHOOK_VARIABLE", "Notifier", "Webhook", "signature"]

WEBHOOK_VARIABLE, SECRET_VARIABLE = "NASWEAVE_WEBHOOK", "NASWEAVE_WEBHOOK_SECRET"
_PREFIX = "whsec_"
_LIMIT_S = 10.0
_PERIOD_S = 2.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_log = logging.getLogger("nasweave.service")


class Webhook:
    """Where messages go.

    Parameters
    ----------
    url
        With https, or of this machine.
    secret
        ``whsec_`` and the base64 of 24 to 64 bytes, which the receiver knows too.

    Raises
    ------
    ConfigError
        One of them is another; the error shows neither, for both may be secret.
    """

    def __init__(self, url: str, secret: str) -> None:
        try:
            parsed = urlsplit(url)
            self._host, self._port = parsed.hostname or "", parsed.port
        except ValueError:  # of the port, or of a name in brackets
            self._host, parsed = "", urlsplit("")
        is_safe = parsed.scheme == "https" or (parsed.scheme == "http" and self._host in _LOOPBACK)
        is_plain = url.isascii() and url.isprintable() and " " not in url and parsed.username is None
        if not (self._host and is_safe and is_plain):
            expected = "https://HOST/PATH, or http:// of this machine, without a user"
            raise ConfigError(
                WEBHOOK_VARIABLE, expected=expected, got="another address" if url else "nothing", remedy="correct it"
            )
        self._is_encrypted = parsed.scheme == "https"
        self._path = (parsed.path or "/") + (f"?{parsed.query}" if parsed.query else "")
        try:
            self._secret = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            self._secret = b""
        if not secret.startswith(_PREFIX) or not 24 <= len(self._secret) <= 64:
            raise ConfigError(
                SECRET_VARIABLE,
                expected=f"{_PREFIX} and the base64 of 24 to 64 bytes",
                got="something else" if secret else "nothing",
                remedy="set one, such as that of: echo whsec_$(openssl rand -base64 32)",
            )

    @classmethod
    def taken(cls) -> Webhook | None:
        """Return that of the environment, or ``None``; it is taken from there, so that no further process has it."""
        url, secret = os.environ.pop(WEBHOOK_VARIABLE, ""), os.environ.pop(SECRET_VARIABLE, "")
        return cls(url, secret) if url or secret else None

    def send(self, notice: Notice, *, limit_s: float = _LIMIT_S) -> str | None:
        """Send a notice; returns why it has not arrived, or ``None``. No redirection is followed, no answer read."""
        told = {name: value for name, value in asdict(notice).items() if name not in ("job", "tries")}
        body = json.dumps({"type": f"{notice.verb}.{notice.state}", "path": f"/runs/{notice.key}", **told}).encode()
        identity, moment = f"{notice.key}-{notice.job}", str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "nasweave",
            "webhook-id": identity,
            "webhook-timestamp": moment,
            "webhook-signature": signature(self._secret, identity, moment, body),
        }
        kind = HTTPSConnection if self._is_encrypted else HTTPConnection
        connection = kind(self._host, self._port, timeout=limit_s)
        end = threading.Timer(limit_s, _cut, (connection,))  # the timeout is of one packet, this of all
        end.start()
        try:
            connection.request("POST", self._path, body=body, headers=headers)
            status = connection.getresponse().status
        except (OSError, HTTPException, ValueError) as error:
            return getattr(error, "strerror", None) or type(error).__name__
        finally:
            end.cancel()
            connection.close()
        return None if 200 <= status < 300 else f"status {status}"


def signature(secret: bytes, identity: str, moment: str, body: bytes) -> str:
    """Return the signature of a message, as its receiver computes it too.

    Parameters
    ----------
    secret
        The bytes behind ``whsec_``.
    identity, moment
        The headers ``webhook-id`` and ``webhook-timestamp``, seconds since 1970.
    body
        As it is sent.
    """
    signed = hmac.digest(secret, f"{identity}.{moment}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


class Notifier(threading.Thread):
    """The thread that sends what is due, one notice at a time."""

    def __init__(self, webhook: Webhook, notices: Notices) -> None:
        super().__init__(name="notifier", daemon=True)
        self._webhook, self._notices, self._ended = webhook, notices, threading.Event()

    def run(self) -> None:
        """Send until the server ends."""
        while not self._ended.wait(_PERIOD_S):
            try:
                while not self._ended.is_set() and self.turn():
                    pass
            except StoreError as error:
                _log.warning("%s", error)

    def turn(self) -> bool:
        """Try one notice that is due; False where none is."""
        notice = self._notices.take()
        if notice is None:
            return False
        reason = self._webhook.send(notice)
        if reason is None:
            self._notices.sent(notice.job)
        else:
            after = "it is given up" if notice.is_last else "it is tried again"
            _log.warning("run %s: the webhook was not told, try %d (%s): %s", notice.key, notice.tries, reason, after)
        return True

    def end(self) -> None:
        """End, when the try in work has ended."""
        self._ended.set()
        self.join(_LIMIT_S + 1)


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
