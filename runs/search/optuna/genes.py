"""Between Optuna's parameters and gene rows: one categorical parameter for each gene that has a choice.

Parameters are named as the genes are, ``layer0.mixer``, and their values are plain strings and numbers. A gene with a
single choice is no parameter: Optuna stores a row for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial

from runs.search.optuna.private import enqueued_params
from search_space import Architecture, Genes, SearchSpace

__all__ = ["architecture_of_trial", "distributions", "genes_of", "params_of", "params_of_trial"]


def distributions(space: SearchSpace) -> dict[str, CategoricalDistribution]:
    """Return the distribution of every gene that has two choices or more, by gene name."""
    named = zip(space.gene_names, space.gene_values, strict=True)
    return {name: CategoricalDistribution(values) for name, values in named if len(values) > 1}


def params_of(space: SearchSpace, genes: Genes) -> dict[str, Any]:
    """Return the parameters of one gene row ``(genes,)``."""
    named = zip(space.gene_names, space.gene_values, genes.tolist(), strict=True)
    return {name: values[gene] for name, values, gene in named if len(values) > 1}


def genes_of(space: SearchSpace, params: Mapping[str, Any]) -> Genes | None:
    """Return the canonical row ``(genes,)`` of parameters, or ``None`` when one is missing."""
    row = np.zeros((1, len(space.gene_names)), np.int16)
    for column, (name, values) in enumerate(zip(space.gene_names, space.gene_values, strict=True)):
        if len(values) > 1:
            if name not in params:
                return None
            row[0, column] = values.index(params[name])
    genes: Genes = space.canonical(row)[0]
    return genes


def params_of_trial(trial: FrozenTrial) -> Mapping[str, Any]:
    """Return the parameters of a trial, or those that it is going to have when it is enqueued."""
    return {**enqueued_params(trial), **trial.params}


def architecture_of_trial(space: SearchSpace, trial: FrozenTrial) -> Architecture | None:
    """Return the network that a trial of a study over the space names, or ``None`` when a parameter is missing."""
    row = genes_of(space, params_of_trial(trial))
    return None if row is None else space.decode(row[None])[0]
