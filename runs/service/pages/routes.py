"""The pages of a server, and how a browser signs in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jinja2
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from runs.objectives import OBJECTIVES
from runs.service.document.names import Key, Name
from runs.service.document.options import offered
from runs.service.server.access import COOKIE, SESSION_S, Reader, signed_in
from runs.service.server.api.results import DEFAULT_OBJECTIVES
from runs.service.server.api.runs import Shared, found, shape
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.service import Service
from runs.store.service.records import Token

__all__ = ["add_pages"]

router = APIRouter(include_in_schema=False)
_HERE = Path(__file__).parent
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FILES = {path.name: path for path in sorted((_HERE / "static").iterdir()) if path.suffix in _TYPES}
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["date"] = lambda seconds: time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
_PAGE = 50


@router.get("/")
def runs(request: Request, token: Reader, service: Shared, cursor: int | None = None) -> HTMLResponse:
    """Show the runs, the newest first."""
    found_runs = service.submissions.page(limit=_PAGE, before=cursor)
    active = service.jobs.active()
    shown = [shape(run, service, active=active) for run in found_runs]
    more = found_runs[-1].id if len(found_runs) == _PAGE else None
    return _page("runs", token, runs=shown, cursor=more, runners=service.runners.living())


@router.get("/new")
def new(request: Request, token: Reader, service: Shared, fork: Key | None = None) -> HTMLResponse:
    """Show the form of a new search."""
    before = None if fork is None else shape(found(service, fork, what="fork"), service)
    state = {"fork": fork, "document": None if before is None else before.document.model_dump(mode="json")}
    return _page(
        "new",
        token,
        options=offered(),
        datasets=service.datasets.list(),
        devices=sorted(service.devices()),
        state=state,
    )


@router.get("/runs/{key}")
def run(key: Key, request: Request, token: Reader, service: Shared) -> HTMLResponse:
    """Show a run, which its module then follows."""
    one = shape(found(service, key), service, with_jobs=True)
    names = one.document.search.objectives or DEFAULT_OBJECTIVES
    state = {
        "key": key,
        "objectives": list(names),
        "budget": {name: value for name, value in one.document.budget.model_dump().items() if value is not None},
        "known": {name: {"label": o.label, "unit": o.unit} for name, o in OBJECTIVES.items()},
        "run": one.model_dump(mode="json"),
    }
    return _page("run", token, run=one, state=state)


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


def refusal_page(request: Request, status: int, parts: dict[str, str]) -> Response:
    """Return a refusal as a page."""
    service: Service = request.app.state.service
    return _page("refusal", signed_in(request, service) if status != 503 else None, status=status, problem=parts)


def _page(name: str, token: Token | None, *, status: int = 200, **values: Any) -> HTMLResponse:
    text = _templates.get_template(f"{name}.html.j2").render(token=token, page=name, status=status, **values)
    return HTMLResponse(text, status_code=status)


def add_pages(app: FastAPI) -> None:
    """Add the pages to an application."""
    app.state.refusal_page = refusal_page
    app.include_router(router)
