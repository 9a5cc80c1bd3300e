"""How the command line and the configuration call the keys of a document."""

from __future__ import annotations

__all__ = ["document_key"]

_RENAMED = {
    "search": "search.method",
    "search.n_trials": "search.trials",
    "search.fidelities.time_budget": "search.time_budget",
    "hardware": "device.runtime",
    "profile.path": "device.profile",
}
_GROUPS = {"hardware.": "device.", "space.": "choices."}


def document_key(key: str) -> str:
    """Return how a document calls a key of the configuration; one that it has not, or calls the same, as it is."""
    for group, renamed in _GROUPS.items():
        if key.startswith(group):
            return renamed + key.removeprefix(group)
    return _RENAMED.get(key, key)
