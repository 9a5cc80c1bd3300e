"""What was found, as a table of pandas."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from runs.store import Candidate

__all__ = ["candidates_table"]


def candidates_table(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """Return a row for each network, by key."""
    rows = []
    for candidate in candidates:
        final = candidate.final or {}
        measured = {"measured_latency_ms": final["latency_ms"]} if "latency_ms" in final else {}
        test = {"test_error": final["test_error"]} if "test_error" in final else {}
        rows.append(
            {
                "key": candidate.key,
                "architecture": candidate.architecture,
                "trial": candidate.trial_number,
                **candidate.predicted,
                **candidate.values,
                **measured,
                **test,
            }
        )
    return pd.DataFrame(rows, columns=None if rows else ["key", "architecture", "trial"]).set_index("key")
