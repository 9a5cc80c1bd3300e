"""What the data was understood to be stands in the page and in the text of a report."""

from __future__ import annotations

import base64
import dataclasses
import io
import re

import matplotlib.image
import numpy as np
import pytest

from runs.reports import ReportData
from runs.reports.markdown import report_markdown
from runs.reports.page import report_html
from search_space.summary import DataSummary, Example

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
SUMMARY = DataSummary(
    facts={"examples": "90 for training", "classes": "2: <b>cat</b> 50, dog | bird 40"},
    notes=("left out, for it is hidden: 1 name (<script>)",),
    examples=(Example(target="<i>spam</i>", text="win | a *prize*"), Example(target="cat", picture=PIXELS)),
)


@pytest.fixture(scope="module")
def data(report_data: ReportData) -> ReportData:
    return dataclasses.replace(report_data, summary=SUMMARY)


def test_the_page_shows_facts_notes_and_examples(data: ReportData) -> None:
    page = report_html(data)
    assert "2: &lt;b&gt;cat&lt;/b&gt; 50, dog | bird 40" in page and "<b>cat" not in page and "<i>spam" not in page
    assert "<li>left out, for it is hidden: 1 name (&lt;script&gt;)</li>" in page
    (address,) = re.findall(r'<img src="data:image/png;base64,([^"]+)"', page)
    shown = matplotlib.image.imread(io.BytesIO(base64.b64decode(address)))
    np.testing.assert_array_equal((shown[..., :3] * 255).round().astype(np.uint8), PIXELS)


def test_the_text_shows_them_too(data: ReportData) -> None:
    text = report_markdown(data)
    part = text.partition("## Data\n")[2].partition("\n## ")[0]
    assert r"| classes | 2: &lt;b>cat&lt;/b> 50, dog \| bird 40 |" in part
    assert "- left out, for it is hidden: 1 name (&lt;script>)." in part
    assert r"| win \| a \*prize\* | &lt;i>spam&lt;/i> |" in part and "cat |\n" not in part.partition("| example")[2]


def test_a_report_without_a_summary_has_no_such_part(report_data: ReportData) -> None:
    assert "<h2>Data</h2>" not in report_html(report_data) and "## Data" not in report_markdown(report_data)
