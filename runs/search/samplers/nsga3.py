"""NSGA-III of Optuna, for three objectives and more.

Paper: Deb and Jain, "An evolutionary many-objective optimization algorithm using reference-point-based nondominated
sorting approach" (2014).
"""

from __future__ import annotations

from functools import partial

from optuna.samplers import NSGAIIISampler

from runs.search.registry import Sampler
from runs.search.samplers._population import PopulationSettings, wrapped

__all__ = ["SAMPLER"]

SAMPLER = Sampler(settings=PopulationSettings, build=partial(wrapped, NSGAIIISampler))
