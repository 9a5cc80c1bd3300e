"""Supernet training: rules, schedules, checkpoints."""

from supernet.training.config import TrainingConfig
from supernet.training.evaluate import evaluate
from supernet.training.loop import load_trained, train

__all__ = ["TrainingConfig", "evaluate", "load_trained", "train"]
