"""Register a data set of this machine under a name, by which users of a service choose it."""

from __future__ import annotations

from runs.app.verb import Verb
from runs.service.settings import DatasetSettings, needed_packages

__all__ = ["VERB"]


def begin(settings: DatasetSettings) -> None:
    """Read the data, as a run would, and register or forget them."""
    with needed_packages("dataset"):
        from runs.app.jobs.registering import register

    print(register(settings))


VERB = Verb(help="Register a data set of this machine for a service", settings=DatasetSettings, begin=begin)
