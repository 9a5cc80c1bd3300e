"""Serve searches, with pages and an interface, to this machine or to a team."""

from __future__ import annotations

from runs.app.verb import Verb
from runs.service.settings import ServerSettings, needed_packages

__all__ = ["VERB"]


def begin(settings: ServerSettings) -> None:
    """Serve until the process is stopped."""
    with needed_packages("serve"):
        from runs.service.serving import serve

    serve(settings)


VERB = Verb(help="Serve searches to a browser or a team", settings=ServerSettings, begin=begin)
