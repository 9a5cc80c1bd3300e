"""What networks are judged by, and what they may be trained for: one metric a file, found by its file name."""

from search_space.registry import Registry
from supernet.metrics._base import Kind, Measure, Moments, Tally
from supernet.metrics._jackknife import standard_error
from supernet.metrics._retrieval import nearest

__all__ = ["METRICS", "Kind", "Measure", "Moments", "Tally", "nearest", "standard_error"]

METRICS: Registry[Measure] = Registry("supernet.metrics", "METRIC")
