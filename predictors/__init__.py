"""Predictors of latency and quality, and exact costs: numpy and scikit-learn, no torch."""

from predictors.cost import CostModel
from predictors.latency import LatencyPredictor, ResidualStatistics
from predictors.quality import QualityPredictor

__all__ = ["CostModel", "LatencyPredictor", "QualityPredictor", "ResidualStatistics"]
