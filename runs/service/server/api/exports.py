"""Exports: a network becomes a folder of models, and the folder one zip that runs with numpy and a runtime alone."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from hardware_profiles.portable.exported_folder import MANIFEST, FolderError, read_manifest
from runs.service.document.model import ExportRequest, RunDocument
from runs.service.document.names import Key
from runs.service.server.access import Reader, Submitter
from runs.service.server.api import VERSION
from runs.service.server.api.runs import Shared, found, shape
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.service import Service
from runs.service.server.shapes import ExportShape, RunShape
from runs.service.work import job_of, open_log

__all__ = ["router"]

router = APIRouter(prefix=f"{VERSION}/runs", tags=["exports"])
_WORDS = ("auto", "knee", "best", "fastest")


@router.post("/{key}/exports", status_code=202)
def ask(key: Key, request: ExportRequest, token: Submitter, service: Shared) -> RunShape:
    """Ask for the export of a network of a finished run."""
    run = found(service, key)
    if request.key not in _WORDS and service.results.candidate(run.folder, request.key) is None:
        raise refuse_unknown("key", request.key, where=f"{', '.join(_WORDS)}, or GET {VERSION}/runs/{key}/candidates")
    arguments = request.model_dump(mode="json")
    job = job_of(RunDocument.model_validate(run.document), verb="export", arguments=arguments)
    open_log(service.settings.folder, key)
    if not service.jobs.add(run.id, job, only_from=("done",)):
        raise Refused(
            409, "state", expected="a run that is done", got=run.state, remedy="wait for it, or resume it first"
        )
    return shape(found(service, key), service, with_jobs=True)


@router.get("/{key}/exports")
def list_exports(key: Key, token: Reader, service: Shared) -> list[ExportShape]:
    """List the exported networks of a run."""
    run = found(service, key)
    shapes = (_shape(service, run.folder, export.key) for export in service.results.exports(run.folder))
    return [one for one in shapes if one is not None]


@router.get("/{key}/exports/{network}.zip", response_class=FileResponse)
def download(key: Key, network: Key, token: Reader, service: Shared) -> FileResponse:
    """Download an exported network as one file."""
    run = found(service, key)
    folder, manifest = _folder(service, run.folder, network)
    with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file:
        path = Path(file.name)
        name = f"{run.name}-{network}"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in sorted({MANIFEST, *manifest["files"]}):
                archive.write(folder / member, f"{name}/{member}")
    return FileResponse(
        path, media_type="application/zip", filename=f"{name}.zip", background=BackgroundTask(path.unlink)
    )


@router.get("/{key}/exports/{network}")
def read(key: Key, network: Key, token: Reader, service: Shared) -> ExportShape:
    """Return what an exported network consists of."""
    one = _shape(service, found(service, key).folder, network)
    if one is None:
        raise _unknown(network)
    return one


@router.get("/{key}/exports/{network}/files/{name}", response_class=FileResponse)
def download_file(
    key: Key, network: Key, name: Annotated[str, InPath(max_length=100)], token: Reader, service: Shared
) -> FileResponse:
    """Download one file of an exported network; the manifest alone says which there are."""
    folder, manifest = _folder(service, found(service, key).folder, network)
    if name not in {MANIFEST, *manifest["files"]}:
        raise refuse_unknown("name", name, where=", ".join(sorted(manifest["files"])))
    return FileResponse(folder / name, media_type="application/octet-stream", filename=name)


def _unknown(network: str) -> Refused:
    return Refused(
        404,
        "network",
        expected="a network that was exported",
        got=repr(network),
        remedy=f"POST {VERSION}/runs/KEY/exports asks for it",
    )


def _folder(service: Service, run_folder: str, network: str) -> tuple[Path, dict[str, Any]]:
    """Return the folder of an exported network and its manifest."""
    for export in service.results.exports(run_folder):
        folder = service.folder(run_folder) / "exports" / export.folder
        if export.key == network and folder.is_dir():
            try:
                return folder, read_manifest(folder)
            except FolderError as error:
                raise Refused(
                    409, error.parameter, expected=error.expected, got=error.got, remedy="export it again"
                ) from error
    raise _unknown(network)


def _shape(service: Service, run_folder: str, network: str) -> ExportShape | None:
    try:
        folder, manifest = _folder(service, run_folder, network)
    except Refused:
        return None
    parity = folder / "parity.json"
    told = json.loads(parity.read_text()) if parity.is_file() else None
    return ExportShape(key=network, files=manifest["files"], models=manifest["models"], parity=told)
