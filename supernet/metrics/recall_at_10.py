"""The share of examples whose nearest neighbour by the imitated vectors is among the ten nearest by a network's own.

Neighbours are examples of the same split, by the cosine.

Paper: Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval (recall among the first k).
"""

from __future__ import annotations

from supernet.metrics._retrieval import recall_at

METRIC = recall_at(10)
