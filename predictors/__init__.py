"""Predictors of latency and quality, and exact costs: numpy and scikit-learn, no torch."""
