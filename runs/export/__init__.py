"""Exports: the chosen network in every format, with proof that each file computes what the supernet did."""

from __future__ import annotations

from runs.export.card import CardData, model_card
from runs.export.formats import FORMATS, ExportFormat, Subject
from runs.export.parity import compare

__all__ = ["FORMATS", "CardData", "ExportFormat", "Subject", "compare", "model_card"]
