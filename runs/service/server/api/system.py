"""The service itself: health, metrics, who one is, what can be chosen, runners and tokens."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from runs.service.document.model import Document, RunDocument
from runs.service.document.names import Name
from runs.service.document.options import offered
from runs.service.server.access import Admin, Reader
from runs.service.server.api import VERSION
from runs.service.server.api.runs import Shared, job_shapes
from runs.service.server.metrics import exposition
from runs.service.server.refusals import refuse_unknown
from runs.service.server.shapes import (
    JobShape,
    MadeToken,
    MeShape,
    RunnerShape,
    TokenShape,
)
from runs.service.settings import Scope
from runs.store.service.records import STATES

__all__ = ["router"]

router = APIRouter(tags=["service"])


class TokenRequest(Document):
    """A token that is asked for."""

    owner: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] = Field(default=["read", "submit"])
    days: Annotated[int, Field(ge=1, le=3650)] = 90


@router.get("/health")
@router.get(f"{VERSION}/health", include_in_schema=False)
def health(service: Shared) -> dict[str, str]:
    """Say that the server lives and reaches its database; 503 where it does not. Needs no token."""
    service.submissions.counts()
    return {"status": "ok", "version": version("nasweave")}


@router.get("/metrics", response_class=Response)
def metrics(token: Reader, service: Shared) -> Response:
    """Return numbers for Prometheus."""
    counts = service.submissions.counts()
    jobs = service.jobs.active()
    text = exposition(
        runs={state: counts.get(state, 0) for state in STATES},
        waiting=sum(job.state == "queued" for job in jobs),
        running=sum(job.state == "running" for job in jobs),
        runners=len(service.runners.living()),
        watching=service.feed.watching,
        untold=service.notices.given_up(),
    )
    return Response(text, media_type="text/plain; version=0.0.4")


@router.get(f"{VERSION}/me")
def me(token: Reader, service: Shared) -> MeShape:
    """Return whom the token belongs to."""
    most = service.settings.upload_bytes
    return MeShape(owner=token.owner, scopes=sorted(token.scopes), expires_s=token.expires_s, upload_bytes=most)


@router.get(f"{VERSION}/schema")
def schema(token: Reader) -> dict[str, Any]:
    """Return the JSON schema of a run's document."""
    return RunDocument.model_json_schema()


@router.get(f"{VERSION}/tasks")
def tasks(token: Reader) -> list[str]:
    """List the tasks that a run can be asked for."""
    return offered()["task"]


@router.get(f"{VERSION}/spaces")
def spaces(token: Reader) -> list[str]:
    """List the search spaces."""
    return offered()["space"]


@router.get(f"{VERSION}/jobs")
def jobs(token: Reader, service: Shared) -> list[JobShape]:
    """List the jobs that wait or run."""
    return job_shapes(service.jobs.active(), service)


@router.get(f"{VERSION}/runners")
def runners(token: Reader, service: Shared) -> list[RunnerShape]:
    """List the runners that live."""
    return [RunnerShape.model_validate(one) for one in service.runners.living()]


@router.post(f"{VERSION}/runners/{{name}}/drain", status_code=202)
def drain(name: Name, token: Admin, service: Shared) -> None:
    """Ask a runner to take no more jobs, and to end when its own have ended."""
    if not service.runners.drain(name):
        raise refuse_unknown("name", name, where=f"GET {VERSION}/runners")


@router.get(f"{VERSION}/tokens")
def tokens(token: Admin, service: Shared) -> list[TokenShape]:
    """List the tokens, which are kept as hashes alone."""
    return [
        TokenShape(id=one.id, owner=one.owner, scopes=sorted(one.scopes), expires_s=one.expires_s)
        for one in service.tokens.list()
    ]


@router.post(f"{VERSION}/tokens", status_code=201)
def make_token(request: TokenRequest, token: Admin, service: Shared) -> MadeToken:
    """Make a token; it is shown this once."""
    made = service.tokens.make("token", owner=request.owner, scopes=request.scopes, seconds=request.days * 86_400.0)
    kept = service.tokens.find(made, kinds=("token",))
    assert kept is not None
    return MadeToken(id=kept.id, owner=kept.owner, scopes=sorted(kept.scopes), expires_s=kept.expires_s, token=made)


@router.delete(f"{VERSION}/tokens/{{number}}", status_code=204)
def revoke(number: int, token: Admin, service: Shared) -> None:
    """Forget a token."""
    if not 0 < number < 2**31 or not service.tokens.revoke(number):
        raise refuse_unknown("number", str(number), where=f"GET {VERSION}/tokens")
