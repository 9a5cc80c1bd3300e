"""The search space: its choices, which of them are legal, its genes, its tables and its corners."""

from search_space.space.choices import Choices, Genes
from search_space.space.space import SearchSpace

__all__ = ["Choices", "Genes", "SearchSpace"]
