"""When a search cannot go on."""

from __future__ import annotations

from search_space.errors import NasweaveError

__all__ = ["FAILURES_IN_A_ROW", "SearchError", "failures_in_a_row"]

FAILURES_IN_A_ROW = 5  # after which the cause is not the networks


class SearchError(NasweaveError):
    """A search that cannot go on."""


def failures_in_a_row(last: Exception) -> SearchError:
    """Return the error of a search whose evaluations keep failing."""
    return SearchError(
        "search",
        expected="evaluations that work",
        got=f"{FAILURES_IN_A_ROW} failures in a row, the last: {last!r}",
        remedy="remove the cause and repeat the command: it continues where it stopped",
    )
