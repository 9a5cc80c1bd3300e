"""The report as files, each written whole or not at all, the page last."""

from __future__ import annotations

import logging
from pathlib import Path

from hardware_profiles.atomic import write_atomically
from runs.reports.data import ReportData, ReportedNetwork
from runs.reports.figures import stills
from runs.reports.figures.layers_png import architectures_png
from runs.reports.judged import ClassResults
from runs.reports.judged.pictures import confusion_png
from runs.reports.judged.tables import classes_csv
from runs.reports.layers import picture
from runs.reports.markdown import report_markdown
from runs.reports.page import report_html
from runs.reports.sensitivity import sensitivity_png
from runs.reports.tables import network_csv

__all__ = ["write_report"]

MOST_ROWS = 24

_log = logging.getLogger("nasweave.runs.reports")


def write_report(data: ReportData, folder: Path) -> Path:
    """Write the report into ``folder``, made where it is missing.

    Returns
    -------
    The path of ``index.html``. Beside it lie ``front.csv``, ``candidates.csv``, ``report.md`` and the pictures
    ``front.png``, ``hypervolume.png``, ``predicted_measured.png``, ``architectures.png``; where precisions were tried,
    ``sensitivity.png``; of a task with classes, ``confusion.png`` and ``classes.csv``, the latter with labels, too.

    Raises
    ------
    OSError
        When the folder cannot be written; files that exist keep their old content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = _spread(data.front)
    contents = {
        "front.csv": network_csv(data, data.front, verdict=False).encode(),
        "candidates.csv": network_csv(data, data.networks, verdict=True).encode(),
        "front.png": stills.front_png(data),
        "hypervolume.png": stills.hypervolume_png(data),
        "predicted_measured.png": stills.predicted_measured_png(data),
        "architectures.png": architectures_png(picture(data, shown), omitted=len(data.front) - len(shown)),
        "report.md": report_markdown(data).encode(),
        "index.html": report_html(data).encode(),
    }
    if data.classes is not None:
        if isinstance(data.classes, ClassResults):
            contents["confusion.png"] = confusion_png(data.classes)
        contents["classes.csv"] = classes_csv(data.classes).encode()
    if data.sensitivity is not None:
        contents["sensitivity.png"] = sensitivity_png(data.sensitivity)
    for name, content in contents.items():
        write_atomically(folder / name, content)
    _log.info("report of %d networks, %d on the front: %s", len(data.networks), len(data.front), folder / "index.html")
    return folder / "index.html"


def _spread(front: tuple[ReportedNetwork, ...]) -> tuple[ReportedNetwork, ...]:
    """Return the whole front, or as many networks evenly spread over it as a picture can show."""
    if len(front) <= MOST_ROWS:
        return front
    return tuple(front[round(i * (len(front) - 1) / (MOST_ROWS - 1))] for i in range(MOST_ROWS))
