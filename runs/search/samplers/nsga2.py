"""NSGA-II of Optuna (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002)."""

from __future__ import annotations

from functools import partial

from optuna.samplers import NSGAIISampler

from runs.search.registry import Sampler
from runs.search.samplers._population import PopulationSettings, wrapped

__all__ = ["SAMPLER"]

SAMPLER = Sampler(settings=PopulationSettings, build=partial(wrapped, NSGAIISampler))
