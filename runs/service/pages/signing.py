"""How a browser signs in and out, and the files that pages consist of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from runs.service.document.names import Name
from runs.service.server.access import COOKIE, SESSION_S, Reader, signed_in
from runs.service.server.api.runs import Shared
from runs.service.server.refusals import Refused, refuse_unknown

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FILES = {path.name: path for path in sorted((Path(__file__).parent / "static").iterdir()) if path.suffix in _TYPES}


@router.get("/sign-in/{link}")
def sign_in(link: str, request: Request, service: Shared) -> Response:
    """Turn a link that works once into the session of a browser."""
    token = service.tokens.use(link) if len(link) <= 100 else None
    if token is None and signed_in(request, service) is None:
        raise Refused(
            401,
            "link",
            expected="a link that was not used yet",
            got="one that was used, or has expired",
            remedy="nasweave token kind=link, on the machine of the server, makes another",
        )
    answer = RedirectResponse("/", status_code=303)
    if token is not None:
        session = service.tokens.make("session", owner=token.owner, scopes=token.scopes, seconds=SESSION_S)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_S),
            httponly=True,
            samesite="strict",
            secure=service.settings.https,
        )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, token: Reader, service: Shared) -> Response:
    """End the session of a browser."""
    service.tokens.forget(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/static/{name}")
def static(name: Name) -> FileResponse:
    """Return a style sheet or a module."""
    if name not in _FILES:
        raise refuse_unknown("name", name, where=", ".join(_FILES))
    path = _FILES[name]
    return FileResponse(path, media_type=_TYPES[path.suffix], headers={"Cache-Control": "no-cache"})
