"""The report of a search: one HTML page, pictures, tables and Markdown, from plain data."""

from runs.reports.data import ReportData, ReportedNetwork, Source, minimised
from runs.reports.pareto import hypervolume, hypervolume_curve, knee, non_dominated
from runs.reports.write import write_report

__all__ = [
    "ReportData",
    "ReportedNetwork",
    "Source",
    "hypervolume",
    "hypervolume_curve",
    "knee",
    "minimised",
    "non_dominated",
    "write_report",
]
