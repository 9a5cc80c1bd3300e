"""The application: end points, pages and errors behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from runs.service.pages.routes import add_pages
from runs.service.server.api import bundles, checks, comparing, datasets, devices, exports, results, runs, system
from runs.service.server.guard import Guard
from runs.service.server.refusals import add_handlers
from runs.service.server.service import Service
from runs.service.server.shapes import Problem

__all__ = ["MOST_BYTES", "application", "guarded"]

MOST_BYTES = 2**20
"""Of a request's body."""

_PROBLEMS: dict[int | str, dict[str, Any]] = {"4XX": {"model": Problem, "description": "What is wrong, and what to do"}}


def application(service: Service | None) -> FastAPI:
    """Return the application over what a server shares; without that, for its schema alone."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if service is not None:
            service.feed.end()

    app = FastAPI(
        title="nasweave",
        version=version("nasweave"),
        summary="Searches for networks that fit a device and a budget.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=_PROBLEMS,
    )
    app.state.service = service
    add_handlers(app)
    for module in (runs, checks, datasets, devices, bundles, results, comparing, exports, system):
        app.include_router(module.router)
    add_pages(app)
    return app


def guarded(service: Service) -> ASGIApp:
    """Return the application of a server as it is served."""
    settings = service.settings
    return Guard(
        application(service),
        names=settings.host_names,
        most_bytes=MOST_BYTES,
        uploads={datasets.PATH: settings.upload_bytes or MOST_BYTES},
    )
