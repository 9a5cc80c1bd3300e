"""The stages of a run in order; each does what it needs first, and skips what is done."""

from runs.pipeline.stages.compare import compare
from runs.pipeline.stages.export import export
from runs.pipeline.stages.finalists import remeasure
from runs.pipeline.stages.finetune import finetune
from runs.pipeline.stages.profile import profile
from runs.pipeline.stages.report import report
from runs.pipeline.stages.search import search
from runs.pipeline.stages.train import train
from runs.pipeline.stages.worker import work

__all__ = ["compare", "export", "finetune", "profile", "remeasure", "report", "search", "train", "work"]
