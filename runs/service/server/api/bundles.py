"""Bundles: the models and the program that measure a device of one's own, as one zip."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import Field

from runs.service.document.model import DeviceChoice, Document, RunDocument
from runs.service.document.names import Key
from runs.service.server.access import Reader, Submitter
from runs.service.server.api import VERSION
from runs.service.server.api.devices import asked
from runs.service.server.api.runs import Shared
from runs.service.server.bundles import Bundle
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.service import Service
from runs.service.server.shapes import BundleShape

__all__ = ["router"]

router = APIRouter(prefix=f"{VERSION}/bundles", tags=["devices"])


class Bundling(Document):
    """A bundle that is asked for."""

    document: RunDocument = Field(
        description="Its data, space, setting of the device and number of whole networks are those that are measured."
    )


@router.post("", status_code=202)
def ask(request: Bundling, token: Submitter, service: Shared) -> BundleShape:
    """Begin to write the bundle of a document, as nasweave profile bundle= does, unless it is there already."""
    given = request.document
    device = DeviceChoice(
        runtime=given.device.runtime, threads=given.device.threads, batch_size=given.device.batch_size
    )
    document = RunDocument(
        task=given.task,
        dataset=given.dataset,
        space=given.space,
        choices=given.choices,
        device=device,
        profile=given.profile,
    )
    return BundleShape.model_validate(service.bundles.ask(asked(service, document)))


@router.get("/{key}.zip", response_class=FileResponse)
def download(key: Key, token: Reader, service: Shared) -> FileResponse:
    """Download a bundle that is done."""
    bundle = _found(service, key)
    if bundle.state != "done":
        raise Refused(409, "key", expected="a bundle that is done", got=f"one that is {bundle.state}", remedy="wait")
    return FileResponse(service.bundles.file(key), media_type="application/zip", filename=f"bundle-{key}.zip")


@router.get("/{key}")
def read(key: Key, token: Reader, service: Shared) -> BundleShape:
    """Say how far a bundle is; one that is done is kept for an hour."""
    return BundleShape.model_validate(_found(service, key))


def _found(service: Service, key: str) -> Bundle:
    bundle = service.bundles.find(key)
    if bundle is None:
        raise refuse_unknown("key", key, where=f"those that POST {VERSION}/bundles returned within an hour")
    return bundle
