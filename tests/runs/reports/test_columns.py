"""No column of the page's tables is lost, at any width."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runs.reports import ReportData
from runs.reports.write import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def folder(report_data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(report_data, tmp_path_factory.mktemp("run") / "report").parent


def test_every_cell_knows_its_column_so_that_narrow_screens_name_it(folder: Path) -> None:
    html = (folder / "index.html").read_text()
    tables = re.findall(r'<div class="scroll">.*?</table>', html, re.DOTALL)
    assert len(tables) >= 3
    for table in tables:
        names = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<th[ >].*?</th>", table, re.DOTALL)]
        for row in re.findall(r"<tr><td.*?</tr>", table, re.DOTALL):
            assert re.findall(r'<td data-name="([^"]*)"', row) == names


@pytest.mark.skipif(CHROMIUM is None, reason="there is no browser")
@pytest.mark.parametrize("width", [400, 1400])
def test_no_column_is_hidden_at_any_width(folder: Path, tmp_path: Path, width: int) -> None:
    assert CHROMIUM is not None
    found = "[...document.querySelectorAll('.scroll')].map(s => s.scrollWidth - s.clientWidth)"
    script = f"<script>addEventListener('load', () => document.title = 'hidden ' + Math.max(...{found}))</script>"
    page = tmp_path / "page.html"
    page.write_text((folder / "index.html").read_text().replace("</body>", f"{script}</body>"))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom"]
    dom = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120).stdout
    hidden = re.search(r"<title>hidden (-?\d+)", dom)
    assert hidden is not None and int(hidden[1]) <= 0
