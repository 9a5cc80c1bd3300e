"""How far a result can be trusted: class by class, and beside the noise of the examples it is of."""

from runs.reports.judged.classes import Answered, ClassResults, LabelResults
from runs.reports.judged.doubt import Doubt

__all__ = ["Answered", "ClassResults", "Doubt", "LabelResults"]
