"""Supernet training: rules, schedules, checkpoints."""

from supernet.training.config import TrainingConfig
from supernet.training.curve import read_curve
from supernet.training.evaluate import Evaluator, Quality, evaluate, outputs_of
from supernet.training.finetune import Finetuned, distil, finetune
from supernet.training.loop import load_trained, train
from supernet.training.state import CURVE

__all__ = [
    "CURVE",
    "Evaluator",
    "Finetuned",
    "Quality",
    "TrainingConfig",
    "distil",
    "evaluate",
    "finetune",
    "load_trained",
    "outputs_of",
    "read_curve",
    "train",
]
