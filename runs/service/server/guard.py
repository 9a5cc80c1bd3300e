"""What every request passes first: the name it calls the server by, the page it comes from, and its size.

A browser that was lured to another site sends requests under that site's name (DNS rebinding) or with that site's
origin; both are refused here, for all methods that change something, DELETE included. There is no CORS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runs.service.document import problem

__all__ = ["PAGE_POLICY", "REPORT_POLICY", "Guard"]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
"""For a report, which is one page with everything in it: it runs in an origin of its own, and reaches nothing."""

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
    b"content-security-policy": PAGE_POLICY.encode(),
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """A layer around the application.

    Parameters
    ----------
    app
        What it guards.
    names
        The names that the server may be called by, without ports.
    most_bytes
        Of a request's body.
    uploads
        Paths whose bodies may have other sizes, with these; they are counted there as they come.
    """

    def __init__(
        self, app: ASGIApp, *, names: frozenset[str], most_bytes: int, uploads: Mapping[str, int] | None = None
    ) -> None:
        self._app, self._names, self._most, self._uploads = app, names, most_bytes, uploads or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        guarded = _with_headers(send)
        upload = self._uploads.get(scope["path"])
        refusal = self._refusal(scope["method"], headers, most=self._most if upload is None else upload)
        if refusal is not None:
            await _refuse(guarded, *refusal)
            return
        try:
            await self._app(scope, self._limited(receive) if upload is None else receive, guarded)
        except _TooLargeError:
            await _refuse(guarded, 413, _too_large("more", self._most))

    def _refusal(self, method: str, headers: Mapping[str, str], *, most: int) -> tuple[int, dict[str, str]] | None:
        host = headers.get("host", "")
        if _name(host) not in self._names:
            return 421, problem.parts(
                parameter="Host",
                expected="a name of this server",
                got=host[:80] or "nothing",
                remedy="use the address that the server printed, or start it with names=NAME",
            )
        origin = headers.get("origin")
        if method not in _SAFE and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, problem.parts(
                parameter="Origin",
                expected="a page of this server",
                got=origin[:80],
                remedy="send the request from its own pages, or without a browser",
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            return 413, _too_large(length[:20], most)
        return None

    def _limited(self, receive: Receive) -> Receive:
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise _TooLargeError
            return message

        return limited


class _TooLargeError(Exception):
    """A body that grew beyond the limit while it was read."""


def _too_large(got: str, most: int) -> dict[str, str]:
    return problem.parts(parameter="body", expected=f"at most {most} bytes", got=f"{got} bytes", remedy="send less")


def _name(host: str) -> str:
    """Return the name of a ``Host`` header, without its port."""
    text = host.strip().lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", ())}
            added = [(name, value) for name, value in _HEADERS.items() if name not in given]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, parts: dict[str, str]) -> None:
    body = json.dumps(parts).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
