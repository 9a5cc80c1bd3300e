"""Requests to a service, whose refusals become the errors that a run here would raise."""

from __future__ import annotations

import io
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from search_space.errors import PARTS, ConfigError, NasweaveError

__all__ = ["TOKEN_VARIABLE", "Requests", "ServiceError"]

TOKEN_VARIABLE = "NASWEAVE_TOKEN"
_TIMEOUT_S = 60.0


class ServiceError(NasweaveError):
    """A service that refuses a request; ``status`` is that of HTTP, 0 where there was no answer."""

    status = 0


class Requests:
    """A service at an address.

    Parameters
    ----------
    url
        Such as ``http://127.0.0.1:8765``.
    token
        As ``nasweave token`` prints it; that of the environment, ``NASWEAVE_TOKEN``, when ``None``.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = _address(url)
        self._token = (token or os.environ.get(TOKEN_VARIABLE, "")).strip()
        if not _is_a_word(self._token):
            raise ConfigError(
                "token", expected="one as nasweave token prints it", got="other characters", remedy="give that"
            )
        # The token is for this server: a redirection that led it elsewhere is an error, and no proxy sees it.
        self._opener = urllib.request.build_opener(_NoRedirection(), urllib.request.ProxyHandler({}))

    def json(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Any:
        """Return what a request below ``/api/v1`` answers; ``None`` for an empty answer."""
        with self.open(method, path, body=body, query=query, headers=headers, timeout_s=timeout_s) as answer:
            data = answer.read()
        try:
            return json.loads(data) if data else None
        except ValueError as error:
            raise ServiceError(
                self.url, expected="a service of nasweave", got=repr(data[:40]), remedy="correct the address"
            ) from error

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Iterator[HTTPResponse]:
        """Give the answer to a request below ``/api/v1``; raises ``ServiceError`` for a refusal.

        ``body`` is sent as JSON, or, where it is a file open for bytes, as it is.
        """
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        address = f"{self.url}/api/v1{quote(path)}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")
        request = urllib.request.Request(address, method=method)
        if isinstance(body, io.BufferedReader):
            request.data = body
            request.add_header("Content-Type", "application/octet-stream")
            request.add_header("Content-Length", str(os.fstat(body.fileno()).st_size))
        elif body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=timeout_s) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ServiceError(
                self.url, expected="a service that answers", got=str(reason), remedy="is nasweave serve running there?"
            ) from error


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def _is_a_word(text: str) -> bool:
    """Whether a text can stand in a request as it is."""
    return text.isascii() and text.isprintable() and " " not in text


def _address(url: str) -> str:
    """Return the address of a service; raises ``ConfigError`` for what is none, which may hold a password."""
    try:
        parsed = urlsplit(url)
        is_one = bool(parsed.scheme in ("http", "https") and parsed.hostname and parsed.port != 0 and _is_a_word(url))
    except ValueError:  # of the port, or of a name in brackets
        is_one = False
    if not is_one or parsed.username or parsed.query:
        got = repr(url) if "@" not in url else "one with a user"
        raise ConfigError("url", expected="http://HOST:PORT", got=got, remedy="correct it")
    return f"{parsed.scheme}://{parsed.netloc}{parsed.path.rstrip('/')}"


def _refusal(error: urllib.error.HTTPError) -> ServiceError:
    try:
        told = json.loads(error.read())
        parts = {name: str(told[name]) for name in PARTS}
    except (ValueError, KeyError, TypeError):
        parts = {
            "parameter": "server",
            "expected": "an answer",
            "got": f"HTTP {error.code}",
            "remedy": "is it nasweave?",
        }
    refusal = ServiceError(parts["parameter"], expected=parts["expected"], got=parts["got"], remedy=parts["remedy"])
    refusal.status = error.code
    return refusal
