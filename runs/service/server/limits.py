"""What one run may ask for, as the administrator has set it."""

from __future__ import annotations

from hardware_profiles.duration import seconds
from runs.service.document.model import RunDocument
from runs.service.server.refusals import Refused
from runs.service.settings import ServerSettings, parted
from runs.store.engine import serves_workers

__all__ = ["check_limits"]


def check_limits(document: RunDocument, settings: ServerSettings) -> None:
    """Raise ``NasweaveError`` for more than is permitted, or for parts that contradict each other."""
    fidelities = document.search.method == "fidelities"
    for parameter, value, most in (
        ("search.trials", document.search.trials, settings.most_trials),
        ("search.workers", document.search.workers, settings.most_workers),
        ("training.steps", document.training.steps, settings.most_steps),
        ("device.threads", document.device.threads, settings.most_threads),
    ):
        if value is not None and value > most:
            raise _refused(parameter, f"at most {most}", str(value), "ask for less")
    for parameter, text in (
        ("time_budget", document.time_budget),
        ("search.time_budget", document.search.time_budget),
        ("profile.time_budget", document.profile.time_budget),
    ):
        if text is not None and not 0 < seconds(text, parameter=parameter) <= settings.most_seconds:
            raise _refused(parameter, f"more than 0s, at most {settings.most_seconds:g}s", text, "correct it")
    if document.time_budget is not None and seconds(document.time_budget, parameter="time_budget") < 120:
        raise _refused("time_budget", "120s or more", document.time_budget, "give more time, or leave it out")
    if document.time_budget is not None and not fidelities:
        raise _refused("time_budget", "search.method fidelities", document.search.method, "leave one of them out")
    if document.search.trials is not None and fidelities:
        raise _refused("search.trials", "a method that counts trials", "fidelities", "give search.time_budget")
    if document.search.time_budget is not None and not fidelities:
        raise _refused("search.time_budget", "search.method fidelities", document.search.method, "give search.trials")
    if document.search.workers > 1 and not serves_workers(settings.url):
        remedy = "leave it out, or ask the administrator for a service on PostgreSQL"
        raise _refused("search.workers", "1 in a service on SQLite", str(document.search.workers), remedy)
    permitted = parted(settings.accelerators)
    if document.accelerator not in permitted:
        raise _refused("accelerator", f"one of {', '.join(permitted)}", document.accelerator, "choose another")


def _refused(parameter: str, expected: str, got: str, remedy: str) -> Refused:
    return Refused(422, parameter, expected=expected, got=got, remedy=remedy)
