"""Exports: the chosen network in every format, with the parity of each file with what was evaluated."""

from __future__ import annotations

from runs.export.card import CardData, model_card, notice
from runs.export.formats import FORMATS, ExportFormat, Subject
from runs.export.manifest import file_sizes, is_whole, write_manifest
from runs.export.parity import compare
from runs.export.parity_report import ParityReport

__all__ = [
    "FORMATS",
    "CardData",
    "ExportFormat",
    "ParityReport",
    "Subject",
    "compare",
    "file_sizes",
    "is_whole",
    "model_card",
    "notice",
    "write_manifest",
]
