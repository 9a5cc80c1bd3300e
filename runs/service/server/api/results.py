"""What a run has found: candidates, networks, fronts within a budget, its events, its log and its report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from runs.objectives import OBJECTIVES, Budget, objectives_by_name
from runs.objectives.front import front as front_of
from runs.service.document.names import Key
from runs.service.server.access import Reader
from runs.service.server.api import VERSION
from runs.service.server.api.runs import Shared, found
from runs.service.server.feed import position_of
from runs.service.server.guard import REPORT_POLICY
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.shapes import CandidateShape, FrontShape, LogShape, NetworkShape
from runs.store.secrets import redacted
from runs.store.service.results import Found

__all__ = ["limits_of", "objectives_of", "router", "with_all"]

router = APIRouter(prefix=f"{VERSION}/runs", tags=["results"])
_USUAL = ("validation_error", "latency_ms")
_PREFIX = "budget."


@router.get("/{key}/candidates", response_model=list[CandidateShape])
def candidates(
    key: Key,
    token: Reader,
    service: Shared,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 20_000,
) -> Response:
    """Return the networks that were written after a change, in the order of changes."""
    networks = service.results.candidates(found(service, key).folder, after=after, limit=limit)
    # Ten thousand values of our own database need no second look at their types.
    names = tuple(CandidateShape.model_fields)
    return JSONResponse([{name: getattr(one, name) for name in names} for one in networks])


@router.get("/{key}/candidates/{network}")
def candidate(key: Key, network: Key, token: Reader, service: Shared) -> NetworkShape:
    """Return one network with its architecture."""
    one = service.results.candidate(found(service, key).folder, network)
    if one is None:
        raise refuse_unknown("network", network, where=f"GET {VERSION}/runs/{key}/candidates")
    return NetworkShape.model_validate(one)


@router.get(
    "/{key}/front",
    openapi_extra={
        "parameters": [
            {
                "name": f"{_PREFIX}{name}",
                "in": "query",
                "required": False,
                "schema": {"type": "number"},
                "description": f"Upper limit of {objective.label}.",
            }
            for name, objective in OBJECTIVES.items()
        ]
    },
)
def front(key: Key, request: Request, token: Reader, service: Shared) -> FrontShape:
    """Return the front within a budget; that of the run's document where none is given."""
    run = found(service, key)
    limits = _limits(request.query_params) or limits_of(run.document)
    names = objectives_of(run.document)
    objectives = objectives_by_name(names)
    whole = with_all(names, service.results.candidates(run.folder))
    known = [c for c in whole if all(name in c.values for name in limits)]
    budget = Budget(limits=limits)
    within = [c for c in known if budget.feasible(c.values)]
    chosen = front_of(within or whole, objectives, Budget(limits={}))
    networks = {c.key: c for c in service.results.networks(run.folder, [c.key for c in chosen])}
    shown = [NetworkShape.model_validate(networks[c.key]) for c in chosen if c.key in networks]
    return FrontShape(objectives=names, budget=limits, front=shown if within else [], nearest=[] if within else shown)


@router.get("/{key}/log")
def log(
    key: Key,
    token: Reader,
    service: Shared,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=2**20)] = 2**18,
) -> LogShape:
    """Return what the jobs of a run said from an offset on, in whole lines."""
    path = service.log(found(service, key).key)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(limit)
    except FileNotFoundError:
        data = b""
    whole = data[: data.rfind(b"\n") + 1] if b"\n" in data else (data if len(data) == limit else b"")
    return LogShape(text=redacted(whole.decode(errors="replace")), offset=offset + len(whole))


@router.get("/{key}/events", response_class=StreamingResponse)
async def events(
    key: Key,
    request: Request,
    token: Reader,
    service: Shared,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[str | None, Query(max_length=24)] = None,
) -> StreamingResponse:
    """Follow a run: server-sent events ``happened`` and ``candidates``; ``Last-Event-ID`` resumes without a gap."""
    from anyio import to_thread

    run = await to_thread.run_sync(found, service, key)
    stream = service.feed.follow(run.id, run.folder, after=position_of(last_event_id or after))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.get("/{key}/report", response_class=FileResponse)
def report(key: Key, token: Reader, service: Shared) -> FileResponse:
    """Return the run's report, a page with everything in it, in a sandbox."""
    path = service.folder(found(service, key).folder) / "report" / "index.html"
    if not path.is_file():
        raise Refused(404, "report", expected="a run that has a report", got="none yet", remedy="wait until it is done")
    return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


def objectives_of(document: Mapping[str, Any]) -> list[str]:
    """Return the objectives of a run; the usual ones where its document names none."""
    return list(document["search"]["objectives"] or _USUAL)


def limits_of(document: Mapping[str, Any]) -> dict[str, float]:
    """Return the budget of a run: its limits by name."""
    return {name: limit for name, limit in document["budget"].items() if limit is not None}


def with_all(names: Sequence[str], candidates: Sequence[Found]) -> list[Found]:
    """Return the candidates that were evaluated and have values of all names."""
    return [c for c in candidates if c.state == "complete" and all(name in c.values for name in names)]


def _limits(query: Mapping[str, str]) -> dict[str, float]:
    limits: dict[str, float] = {}
    for name, text in query.items():
        what = name.removeprefix(_PREFIX)
        if not name.startswith(_PREFIX) or what not in OBJECTIVES:
            expected = ", ".join(f"{_PREFIX}{known}" for known in OBJECTIVES)
            raise Refused(422, name[:60], expected=f"one of {expected}", got=repr(name[:60]), remedy="leave it out")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Refused(422, name, expected="a number", got=repr(text[:60]), remedy="correct it")
        limits[what] = value
    return limits
