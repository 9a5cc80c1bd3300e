"""A document checked before it is submitted: what the corners of its space cost, and whether its budget can be met."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from runs.service.document.model import RunDocument
from runs.service.server.access import Submitter
from runs.service.server.api import VERSION
from runs.service.server.api.runs import Shared, checked
from runs.service.server.refusals import Refused
from runs.service.server.shapes import CheckShape

__all__ = ["router"]

router = APIRouter(prefix=VERSION, tags=["runs"])


@router.post("/checks")
def check(document: RunDocument, token: Submitter, service: Shared) -> CheckShape:
    """Say what the smallest, middle and largest network of a document cost, and whether one meets its budget."""
    data = checked(service, document)
    profiles = service.settings.folder / "profiles"
    answer = service.checker.ask(
        {
            "document": document.model_copy(update={"name": "check", "fork": None}).model_dump(mode="json"),
            "dataset": None if data is None else dataclasses.asdict(data),
            "outputs": service.settings.outputs,
            "data_root": service.settings.data,
            "profiles_changed": profiles.stat().st_mtime_ns if profiles.is_dir() else 0,
        }
    )
    if "refused" in answer:
        parts = answer["refused"]
        raise Refused(422, parts["parameter"], expected=parts["expected"], got=parts["got"], remedy=parts["remedy"])
    return CheckShape.model_validate(answer["checked"])
