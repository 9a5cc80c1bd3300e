"""Devices: which profiles a document can name, a new one from what a bundle measured, and predictions by one."""

from __future__ import annotations

import dataclasses
import logging
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from hardware_profiles.profile_file import read_header
from runs.service.document.model import Document, RunDocument
from runs.service.document.names import DeviceName
from runs.service.server.access import Reader, Submitter
from runs.service.server.api import VERSION
from runs.service.server.api.runs import Shared, checked
from runs.service.server.refusals import Refused, refuse_unknown
from runs.service.server.service import Service
from runs.service.server.shapes import DeviceShape, PredictionShape
from search_space.errors import ProfileError

__all__ = ["asked", "router"]

router = APIRouter(prefix=VERSION, tags=["devices"])
_MOST_PROFILES = 1000
_log = logging.getLogger("nasweave.service")


class Measured(Document):
    """What the program of a bundle wrote on a device."""

    document: RunDocument = Field(description="Its data, space and device are those that the bundle was written for.")
    results: Annotated[str, Field(min_length=1, max_length=2**20, description="The text of results.jsonl.")]


class Predicting(Document):
    """Networks whose latency is asked for."""

    document: RunDocument = Field(description="Its data and space are those of the networks, its device is replaced.")
    networks: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)] = Field(
        description="Architectures, as candidates have them."
    )


@router.get("/devices")
def devices(token: Reader, service: Shared) -> list[DeviceShape]:
    """List the devices whose profiles a run can name."""
    shapes = []
    for name, path in sorted(service.devices().items()):
        try:
            header = read_header(path)
        except ProfileError as error:  # it is being written, or damaged
            _log.warning("%s", error)
            continue
        device = header["device"]
        about = {field: header[field] for field in DeviceShape.model_fields if field in header}
        names = {"cpu_model": device["cpu_model"], "accelerator": device.get("accelerator")}
        shapes.append(DeviceShape(**{**about, **names, "id": name, "device": device["name"]}))
    return shapes


@router.post("/devices", status_code=201)
def measure(request: Measured, token: Submitter, service: Shared) -> DeviceShape:
    """Make a profile of what a bundle measured on a device, with the checks of the command line."""
    service.uploads.check_permitted("results")
    if len(service.devices()) >= _MOST_PROFILES:
        raise Refused(
            429,
            "results",
            expected=f"fewer than {_MOST_PROFILES} profiles in the service",
            got=str(len(service.devices())),
            remedy="ask the administrator to remove some of outputs/profiles",
        )
    made = _done(service, {**asked(service, request.document), "results": request.results})
    return next(shape for shape in devices(token, service) if shape.id == made)


@router.post("/devices/{name}/predict")
def predict(name: DeviceName, request: Predicting, token: Submitter, service: Shared) -> list[PredictionShape]:
    """Predict the latency of networks on a device by its profile."""
    if name not in service.devices():
        raise refuse_unknown("name", name, where=f"GET {VERSION}/devices")
    device = request.document.device.model_copy(update={"profile": name})
    document = request.document.model_copy(update={"device": device})
    found = _done(service, {**asked(service, document), "networks": request.networks})
    return [PredictionShape.model_validate(one) for one in found]


def asked(service: Service, document: RunDocument) -> dict[str, Any]:
    """Return a document as the process that checks is told it; refuse what the service has not, or does not permit."""
    data = checked(service, document)
    return {
        "document": document.model_copy(update={"name": "check"}).model_dump(mode="json"),
        "dataset": None if data is None else dataclasses.asdict(data),
        "outputs": service.settings.outputs,
        "data_root": service.settings.data,
    }


def _done(service: Service, question: dict[str, Any]) -> Any:
    return service.checker.ask(question)["done"]
