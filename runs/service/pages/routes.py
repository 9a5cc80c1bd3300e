"""The pages of a server."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response

from hardware_profiles.duration import seconds
from runs.objectives import OBJECTIVES
from runs.service.document.names import KEY, DeviceName, Key
from runs.service.document.options import OWN_DATA_TASKS
from runs.service.pages import signing
from runs.service.pages.fields import groups
from runs.service.pages.told import answer_of, size, text
from runs.service.server.access import Reader, signed_in
from runs.service.server.api import devices as device_list
from runs.service.server.api import exports
from runs.service.server.api.comparing import differences
from runs.service.server.api.results import limits_of, objectives_of
from runs.service.server.api.runs import Cursor, Shared, found, shape
from runs.service.server.refusals import Refused
from runs.service.server.service import Service
from runs.store.service.records import Token

__all__ = ["add_pages"]

router = APIRouter(include_in_schema=False)
_HERE = Path(__file__).parent
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["date"] = lambda seconds: time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
_templates.filters["size"] = size
_templates.filters["text"] = text
_PAGE = 50
_REMEMBERED = 50
_COMPARED = 6
_KNOWN = {name: {"label": o.label, "unit": o.unit} for name, o in OBJECTIVES.items()}


@router.get("/")
def runs(request: Request, token: Reader, service: Shared, cursor: Cursor = None) -> HTMLResponse:
    """Show the runs, the newest first."""
    found_runs = service.submissions.page(limit=_PAGE, before=cursor)
    waiting = service.jobs.waiting()
    shown = [shape(run, service, waiting=waiting) for run in found_runs]
    more = found_runs[-1].id if len(found_runs) == _PAGE else None
    state = {"known": _KNOWN}
    return _page("runs", token, runs=shown, cursor=more, runners=service.runners.living(), state=state)


@router.get("/new")
def new(
    request: Request, token: Reader, service: Shared, fork: Key | None = None, device: DeviceName | None = None
) -> HTMLResponse:
    """Show the form of a new search."""
    before = None if fork is None else shape(found(service, fork, what="fork"), service)
    devices = sorted(service.devices())
    state = {
        "fork": fork,
        "document": None if before is None else before.document.model_dump(mode="json"),
        "device": device if device in devices else None,
        "ended": _ended(service),
        "known": _KNOWN,
    }
    return _page(
        "new",
        token,
        groups=groups(),
        datasets=service.datasets.list(),
        devices=devices,
        uploads=service.settings.upload_bytes,
        own_tasks=OWN_DATA_TASKS,
        state=state,
    )


def _ended(service: Service) -> list[dict[str, Any]]:
    """Return what the last runs that are done have taken, by their data and method."""
    told = []
    for run in service.submissions.page(limit=_REMEMBERED, states=["done"]):
        jobs = [job for job in service.jobs.of(run.id) if job.verb == "run"]
        spent = sum(job.finished_s - job.started_s for job in jobs if job.started_s and job.finished_s)
        if spent:
            data = run.document["dataset"] or run.document["task"]
            told.append({"data": data, "method": run.document["search"]["method"], "seconds": spent})
    return told


@router.get("/runs/{key}")
def run(key: Key, request: Request, token: Reader, service: Shared) -> HTMLResponse:
    """Show a run, which its module then follows."""
    submission = found(service, key)
    one = shape(submission, service, with_jobs=True)
    whole = one.document.time_budget
    state = {
        "key": key,
        "objectives": objectives_of(submission.document),
        "budget": limits_of(submission.document),
        "known": _KNOWN,
        "run": one.model_dump(mode="json"),
        "report": answer_of(service.folder(submission.folder) / "report"),
        "now_s": time.time(),
        "budget_s": None if whole is None else seconds(whole, parameter="time_budget"),
        "started_s": next((job.started_s for job in one.jobs or [] if job.started_s), None),
    }
    return _page("run", token, run=one, state=state)


@router.get("/runs/{key}/exports/{network}")
def export(key: Key, network: Key, request: Request, token: Reader, service: Shared) -> HTMLResponse:
    """Show what an exported network consists of, and how it is run."""
    return _page("export", token, run=found(service, key), export=exports.read(key, network, token, service))


@router.get("/compare")
def compare(
    request: Request, token: Reader, service: Shared, runs: Annotated[str, Query(max_length=400)]
) -> HTMLResponse:
    """Show several runs beside each other; ``runs`` are their keys, parted by commas."""
    keys = list(dict.fromkeys(runs.split(",")))
    if not 2 <= len(keys) <= _COMPARED or not all(re.fullmatch(KEY, key) for key in keys):
        expected = f"the keys of 2 to {_COMPARED} runs, parted by commas"
        raise Refused(422, "runs", expected=expected, got=repr(runs[:80]), remedy="tick them in the list of runs")
    asked = [found(service, key, what="runs") for key in keys]
    names = {tuple(objectives_of(one.document)[:2]) for one in asked}
    objectives = names.pop() if len(names) == 1 else ()
    if len(objectives) < 2 or len({one.task for one in asked}) > 1:
        expected = "runs of one task with the same first two objectives"
        raise Refused(422, "runs", expected=expected, got="different ones", remedy="compare others")
    state = {
        "runs": [{"key": one.key, "name": one.name, "budget": limits_of(one.document)} for one in asked],
        "objectives": list(objectives),
        "known": _KNOWN,
    }
    labels = [_KNOWN[name]["label"] for name in objectives]
    unlike = differences([one.document for one in asked])
    unlike.pop("name", None)
    return _page("compare", token, runs=asked, labels=labels, differences=unlike, state=state)


@router.get("/devices")
def devices(request: Request, token: Reader, service: Shared) -> HTMLResponse:
    """Show the devices that runs can be for, and the runners."""
    return _page(
        "devices",
        token,
        devices=device_list.devices(token, service),
        runners=service.runners.living(),
        uploads=service.settings.upload_bytes,
        groups=groups(),
        datasets=service.datasets.list(),
    )


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
    app.include_router(signing.router)
    app.include_router(router)
