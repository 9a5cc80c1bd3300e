"""The page of metrics has every metric, with its unit and direction."""

from __future__ import annotations

import re
from pathlib import Path

from supernet.metrics import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_table_is_that_of_the_registry():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| (\w+) \| ([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    told = {key: (better, unit.strip()) for key, _, better, unit in rows}
    assert told == {key: ("lower" if m.metric.best is None else "higher", m.metric.unit) for key, m in METRICS.items()}
