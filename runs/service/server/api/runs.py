"""Runs: submitted once, listed page by page, stopped, resumed, forked, renamed and hidden."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from runs.service.document.model import Document, RunDocument, digest
from runs.service.document.names import Key, Name
from runs.service.server.access import Reader, Submitter, check_owner
from runs.service.server.api import VERSION
from runs.service.server.limits import check_limits
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.service import Service, service_of
from runs.service.server.shapes import JobShape, RunPage, RunShape
from runs.service.work import job_of, open_log
from runs.store.service.records import Dataset, Job, State, Submission

__all__ = ["checked", "found", "job_shapes", "router", "shape", "submit"]

router = APIRouter(prefix=f"{VERSION}/runs", tags=["runs"])
Shared = Annotated[Service, Depends(service_of)]
Cursor = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
Idempotency = Annotated[str | None, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$"), Header(alias="Idempotency-Key")]


class Renaming(Document):
    """What of a run can be changed."""

    name: Name


class Forking(Document):
    """A run that begins with the networks of another; what is not given stays as it was there."""

    document: RunDocument = Field(description="The whole new document; its fork is set to the run.")


@router.post("", status_code=201)
def create(
    document: RunDocument, token: Submitter, service: Shared, response: Response, idempotency_key: Idempotency = None
) -> RunShape:
    """Ask for a run. The same Idempotency-Key gives the same run, however often the request is repeated."""
    run, is_new = submit(service, token.owner, document, idempotency=idempotency_key)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"{VERSION}/runs/{run.key}"
    return shape(run, service)


@router.get("", response_model=RunPage)
def list_runs(
    token: Reader,
    service: Shared,
    state: Annotated[list[Literal["queued", "running", "done", "failed", "stopped"]] | None, Query()] = None,
    owner: Annotated[str | None, StringConstraints(max_length=64)] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List runs, the newest first."""
    states: list[State] = list(state or [])
    runs = service.submissions.page(limit=limit, before=cursor, owner=owner, states=states)
    waiting = service.jobs.waiting() if any(run.state == "queued" for run in runs) else []
    more = runs[-1].id if len(runs) == limit else None
    shown = [shape(run, service, waiting=waiting).model_dump(mode="json") for run in runs]
    return JSONResponse({"runs": shown, "cursor": more})


@router.get("/{key}")
def read(key: Key, token: Reader, service: Shared) -> RunShape:
    """Return a run with its jobs."""
    return shape(found(service, key), service, with_jobs=True)


@router.patch("/{key}")
def rename(key: Key, change: Renaming, token: Submitter, service: Shared) -> RunShape:
    """Give a run another name to be shown."""
    check_owner(token, found(service, key))
    service.submissions.rename(key, change.name)
    return shape(found(service, key), service, with_jobs=True)


@router.delete("/{key}", status_code=204)
def hide(key: Key, token: Submitter, service: Shared) -> None:
    """Take a run that has ended out of all lists; its files stay until the administrator removes them."""
    check_owner(token, found(service, key))
    if not service.submissions.hide(key):
        raise _conflict("a run that has ended", "one in work", "stop it first")


@router.post("/{key}/stop", status_code=202)
def stop(key: Key, token: Submitter, service: Shared) -> RunShape:
    """Ask a run to stop: what is done stays, and resume continues there."""
    run = found(service, key)
    check_owner(token, run)
    if not service.jobs.stop(run.id):
        raise _conflict("a run in work", run.state, "there is nothing to stop")
    return shape(found(service, key), service, with_jobs=True)


@router.post("/{key}/resume", status_code=202)
def resume(key: Key, token: Submitter, service: Shared) -> RunShape:
    """Continue a run that was stopped or has failed."""
    run = found(service, key)
    check_owner(token, run)
    open_log(service.settings.folder, key)
    job = job_of(RunDocument.model_validate(run.document), verb="run")
    if not service.jobs.add(run.id, job, only_from=("stopped", "failed")):
        raise _conflict("a run that was stopped or has failed", run.state, "a run in work needs no resuming")
    return shape(found(service, key), service, with_jobs=True)


@router.post("/{key}/fork", status_code=201)
def fork(
    key: Key, request: Forking, token: Submitter, service: Shared, idempotency_key: Idempotency = None
) -> RunShape:
    """Begin another run, for another budget, device or objectives, with the networks that a run has found."""
    found(service, key)
    document = request.document.model_copy(update={"fork": key})
    run, _ = submit(service, token.owner, document, idempotency=idempotency_key)
    return shape(run, service)


def submit(
    service: Service, owner: str, document: RunDocument, *, idempotency: str | None = None
) -> tuple[Submission, bool]:
    """Store a run that is asked for, and return it; False if it was asked for before.

    Raises
    ------
    NasweaveError
        It asks for something that there is not, or for more than is permitted.
    """
    data = checked(service, document)
    task = _task(document, data)
    plain = document.model_dump(mode="json")
    key = secrets.token_hex(6)
    log, is_new = open_log(service.settings.folder, key), False
    try:
        run, is_new = service.submissions.submit(
            key=key,
            owner=owner,
            name=document.name,
            task=task,
            document=plain,
            digest=digest(plain),
            folder=f"{task}/{document.name}-{key}",
            job=job_of(document, verb="run"),
            idempotency=idempotency,
            most_active=service.settings.most_active,
        )
    finally:
        if not is_new:
            log.unlink(missing_ok=True)
    open_log(service.settings.folder, run.key)  # of a request that is repeated, for its first answer may have been lost
    return run, is_new


def checked(service: Service, document: RunDocument) -> Dataset | None:
    """Return the data set that a document names, or ``None``; refuse what the service has not, or does not permit."""
    check_limits(document, service.settings)
    data = None if document.dataset is None else service.datasets.get(document.dataset)
    if document.dataset is not None and data is None:
        raise refuse_unknown("dataset", document.dataset, where=f"GET {VERSION}/datasets")
    task = _task(document, data)
    if document.fork is not None and found(service, document.fork, what="fork").task != task:
        raise Refused(422, "fork", expected=f"a run of the task {task}", got=document.fork, remedy="choose another")
    if document.device.profile is not None and document.device.profile not in service.devices():
        raise refuse_unknown("device.profile", document.device.profile, where=f"GET {VERSION}/devices")
    return data


def _task(document: RunDocument, data: Dataset | None) -> str:
    return (document.task or "") if data is None else data.task


def found(service: Service, key: str, *, what: str = "key") -> Submission:
    """Return a run, or refuse."""
    run = service.submissions.get(key)
    if run is None:
        raise refuse_unknown(what, key, where=f"GET {VERSION}/runs")
    return run


def shape(run: Submission, service: Service, *, with_jobs: bool = False, waiting: list[int] | None = None) -> RunShape:
    """Return a run as it is answered."""
    place = None
    if run.state == "queued":
        order = service.jobs.waiting() if waiting is None else waiting
        place = next((n for n, number in enumerate(order, 1) if number == run.id), None)
    jobs = service.jobs.of(run.id) if with_jobs else None
    return RunShape(
        key=run.key,
        name=run.name,
        owner=run.owner,
        task=run.task,
        state=run.state,
        created_s=run.created_s,
        place=place,
        document=RunDocument.model_validate(run.document),
        jobs=None if jobs is None else job_shapes(jobs, service),
    )


def job_shapes(jobs: list[Job], service: Service) -> list[JobShape]:
    """Return jobs as they are answered; what hosts without a living runner lacked is left out."""
    hosts = {runner.host for runner in service.runners.living()} if any(job.refusals for job in jobs) else set()
    shapes = [JobShape.model_validate(job) for job in jobs]
    for one in shapes:
        one.refusals = {host: lacking for host, lacking in one.refusals.items() if host in hosts}
    return shapes


def _conflict(expected: str, got: str, remedy: str) -> Refused:
    return Refused(409, "state", expected=expected, got=got, remedy=remedy)
