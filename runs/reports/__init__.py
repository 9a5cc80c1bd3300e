"""The report of a search: one HTML page, pictures, tables and Markdown, from plain data.

What writes them, and loads matplotlib, plotly and pandas, is in ``write`` and ``comparison_page``.
"""

from runs.objectives.pareto import hypervolume, hypervolume_curve, knee, non_dominated
from runs.reports.comparison import ComparedNetwork, ComparedRun, Comparison
from runs.reports.data import ReportData, ReportedNetwork, Sensitivity, Source, minimised
from runs.reports.judged import Answered, ClassResults, Doubt, LabelResults
from runs.reports.references import SimpleModel
from runs.reports.terminal import terminal_lines

__all__ = [
    "Answered",
    "ClassResults",
    "ComparedNetwork",
    "ComparedRun",
    "Comparison",
    "Doubt",
    "LabelResults",
    "ReportData",
    "ReportedNetwork",
    "Sensitivity",
    "SimpleModel",
    "Source",
    "hypervolume",
    "hypervolume_curve",
    "knee",
    "minimised",
    "non_dominated",
    "terminal_lines",
]
