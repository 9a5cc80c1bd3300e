"""Every refusal has four parts, whatever refused: our own checks, the schema, the database or the framework."""

from __future__ import annotations

import errno
import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from runs.service.document import problem
from runs.store.failures import UnreachableError
from runs.store.service.submissions import QuotaError, RepeatedKeyError
from search_space.errors import NasweaveError, StoreError

__all__ = ["Refused", "add_handlers", "refuse_unknown"]

_log = logging.getLogger("nasweave.service")


class Refused(NasweaveError):
    """A request that is refused with a status."""

    def __init__(self, status: int, parameter: str, *, expected: str, got: str, remedy: str) -> None:
        super().__init__(parameter, expected=expected, got=got, remedy=remedy)
        self.status = status


def refuse_unknown(what: str, key: str, *, where: str) -> Refused:
    """Return the refusal of something that there is not."""
    return Refused(404, what, expected=f"one of {where}", got=repr(key[:80]), remedy="correct it")


def _status(error: NasweaveError) -> int:
    if isinstance(error, Refused):
        return error.status
    for kind, status in ((UnreachableError, 503), (RepeatedKeyError, 409), (QuotaError, 429), (StoreError, 503)):
        if isinstance(error, kind):
            return status
    return 422


def _answer(request: Request, status: int, parts: dict[str, str]) -> Response:
    headers = {"Retry-After": "5"} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        page: Response = request.app.state.refusal_page(request, status, parts)
        page.headers.update(headers)
        return page
    return JSONResponse(parts, status_code=status, headers=headers)


def add_handlers(app: FastAPI) -> None:
    """Turn what an end point raises into an answer."""

    @app.exception_handler(NasweaveError)
    async def ours(request: Request, error: NasweaveError) -> Response:
        return _answer(request, _status(error), problem.of_error(error))

    @app.exception_handler(OSError)
    async def disk(request: Request, error: OSError) -> Response:
        _log.exception("%s %s failed", request.method, request.url.path)
        parts = problem.parts(
            parameter="outputs",
            expected="a disk with free space that the server can read and write",
            got=error.strerror or type(error).__name__,
            remedy="tell the administrator",
        )
        return _answer(request, 507 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 500, parts)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _answer(request, 422, problem.of_validation(error.errors()))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        where = f"{request.method} {request.url.path}"
        expected = {404: "an address of /openapi.json", 405: "a method of this address"}.get(
            error.status_code, str(error.detail)
        )
        parts = problem.parts(parameter="request", expected=expected, got=where, remedy="correct it")
        return _answer(request, error.status_code, parts)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        _log.exception("%s %s failed", request.method, request.url.path)
        parts = problem.parts(
            parameter="server",
            expected="an answer",
            got=type(error).__name__,
            remedy="tell the administrator, whose log shows why",
        )
        return _answer(request, 500, parts)
