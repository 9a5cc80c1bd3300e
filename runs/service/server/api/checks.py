"""A document checked before it is submitted: what the corners of its space cost, and whether its budget can be met."""

from __future__ import annotations

from fastapi import APIRouter

from runs.service.document.model import RunDocument
from runs.service.server.access import Submitter
from runs.service.server.api import VERSION
from runs.service.server.api.devices import asked
from runs.service.server.api.runs import Shared
from runs.service.server.shapes import CheckShape

__all__ = ["router"]

router = APIRouter(prefix=VERSION, tags=["runs"])


@router.post("/checks")
def check(document: RunDocument, token: Submitter, service: Shared) -> CheckShape:
    """Say what the smallest, middle and largest network of a document cost, and whether one meets its budget."""
    profiles = service.settings.folder / "profiles"
    changed = profiles.stat().st_mtime_ns if profiles.is_dir() else 0  # an answer of before does not hold any more
    answer = service.checker.ask({**asked(service, document), "profiles_changed": changed})
    return CheckShape.model_validate(answer["checked"])
