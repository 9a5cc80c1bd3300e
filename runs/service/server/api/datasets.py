"""Data sets: listed, uploaded where the administrator permits it, and removed by their owners."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from runs.service.document import problem
from runs.service.document.names import Name
from runs.service.document.options import OwnDataTask
from runs.service.server.access import Reader, Submitter
from runs.service.server.api import VERSION
from runs.service.server.api.runs import Shared
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.service import Service
from runs.service.server.shapes import DatasetShape, UploadedShape
from runs.service.server.uploads import drain, size_of
from runs.store.service.records import ACTIVE, Token
from search_space.errors import NasweaveError

__all__ = ["PATH", "Kind", "router"]

router = APIRouter(prefix=VERSION, tags=["data"])
PATH = f"{VERSION}/datasets"
_MOST_ACTIVE = 10_000
_FOLDERS = ("audio_folder", "image_folder")  # which read folders

Kind = Literal["csv", "tsv", "jsonl", "txt", "parquet", "feather", "arrow", "npz", "ts", "arff", "zip"]
_Options = TypeAdapter(
    dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")],
        Annotated[str, StringConstraints(max_length=500)] | bool | int | float,
    ]
)


@router.get("/datasets")
def datasets(token: Reader, service: Shared) -> list[DatasetShape]:
    """List the data sets that a document can name."""
    return [DatasetShape.model_validate(data) for data in service.datasets.list()]


@router.post(
    "/datasets",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    request: Request,
    token: Submitter,
    service: Shared,
    name: Annotated[Name, Query()],
    task: Annotated[OwnDataTask, Query()],
    kind: Annotated[Kind, Query(description="The ending of the file; a zip is of a folder of pictures or clips.")],
    options: Annotated[str, Query(max_length=4000, description="Options of the task, as a JSON object.")] = "{}",
) -> UploadedShape:
    """Upload a file of data as the body of the request; a run can read it, or it is refused in its reader's words."""
    body = request.stream()
    try:
        return await _kept(request, body, service, token, name=name, task=task, kind=kind, options=options)
    except ClientDisconnect as error:
        raise _gone() from error
    except NasweaveError:
        with suppress(ClientDisconnect):
            await drain(body)
        raise


async def _kept(
    request: Request,
    body: AsyncIterator[bytes],
    service: Service,
    token: Token,
    *,
    name: str,
    task: str,
    kind: str,
    options: str,
) -> UploadedShape:
    service.uploads.check_permitted("datasets")
    _check_kind(task, kind)
    chosen = _chosen(options)
    if await to_thread.run_sync(service.datasets.get, name) is not None:
        raise _taken(name)
    with service.uploads.place() as folder:
        file = folder / f"data.{kind}"
        await service.uploads.receive(body, file, owner=token.owner)
        found = await to_thread.run_sync(partial(service.uploads.read, file, task=task, options=chosen))
        if await request.is_disconnected():
            raise _gone()
        size_bytes = await to_thread.run_sync(size_of, folder)
        add = partial(service.datasets.add, name, task=task, options=found["options"], owner=token.owner)
        if not await to_thread.run_sync(partial(add, size_bytes=size_bytes, most_bytes=service.settings.owner_bytes)):
            raise _taken(name)
    return UploadedShape(name=name, task=task, owner=token.owner, facts=found["facts"], notes=found["notes"])


def _check_kind(task: str, kind: str) -> None:
    if (kind == "zip") != (task in _FOLDERS):
        expected = f"zip for the tasks {' and '.join(_FOLDERS)}, another for others"
        raise Refused(422, "kind", expected=expected, got=f"{kind} for {task}", remedy="correct it")


@router.delete("/datasets/{name}", status_code=204)
def remove(name: Name, token: Submitter, service: Shared) -> None:
    """Remove a data set of one's own that no run in work reads; its files go too."""
    data = service.datasets.get(name)
    if data is None:
        raise refuse_unknown("name", name, where=f"GET {PATH}")
    if data.owner is None or (data.owner != token.owner and "admin" not in token.scopes):
        raise Refused(
            403,
            "name",
            expected=f"a data set that {token.owner} has uploaded",
            got=f"one of {data.owner or 'the administrator'}",
            remedy="ask an administrator",
        )
    active = service.submissions.page(limit=_MOST_ACTIVE, states=list(ACTIVE))
    users = [run.key for run in active if run.document.get("dataset") == name]
    if users:
        expected = "a data set that no run in work reads"
        raise Refused(409, "name", expected=expected, got=f"one that run {users[0]} reads", remedy="wait, or stop it")
    service.datasets.remove(name)
    service.uploads.remove(Path(str(data.options["path"])))


def _chosen(options: str) -> dict[str, Any]:
    try:
        return _Options.validate_json(options, strict=True)
    except ValidationError as error:
        parts = problem.of_validation([dict(one) for one in error.errors()])
        where = ".".join(name for name in ("options", parts["parameter"]) if name != "body")
        raise Refused(422, where, expected=parts["expected"], got=parts["got"], remedy=parts["remedy"]) from error


def _taken(name: str) -> Refused:
    return Refused(409, "name", expected="a name that is free", got=repr(name), remedy="choose another")


def _gone() -> Refused:
    return Refused(400, "body", expected="the whole file", got="a connection that was closed", remedy="send it again")
