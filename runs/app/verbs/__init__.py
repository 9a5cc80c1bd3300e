"""The verbs of the command line: one a file, which defines ``VERB`` and gives it its name."""

from __future__ import annotations

from runs.app.verb import Verb
from search_space.registry import Registry

__all__ = ["VERBS"]

VERBS: Registry[Verb] = Registry("runs.app.verbs", "VERB")
