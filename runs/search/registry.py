"""The samplers by name, each with its settings: one file in ``runs/search/samplers``, or a plug-in's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from runs.search.problem import Problem
from runs.search.settings import settings_from
from search_space import Registry, SearchSpace

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from optuna.samplers import BaseSampler

__all__ = ["SAMPLERS", "Sampler", "SamplerBuilder", "build_sampler"]


class SamplerBuilder(Protocol):
    """Makes a sampler."""

    def __call__(self, space: SearchSpace, *, seed: int, problem: Problem, settings: Any) -> BaseSampler:
        """Return a sampler for one study over ``space``; ``settings`` are of the sampler's own class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """What a member of the registry defines as ``SAMPLER``.

    Parameters
    ----------
    settings
        The frozen dataclass of its settings, all of which have defaults.
    build
        From a space, a seed, a problem and settings to a sampler, which keeps the contract of
        :class:`runs.search.optuna.sampler.SpaceSampler`.
    """

    settings: type[DataclassInstance]
    build: SamplerBuilder


SAMPLERS: Registry[Sampler] = Registry("runs.search.samplers", "SAMPLER")


def build_sampler(
    name: str,
    space: SearchSpace,
    *,
    problem: Problem,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
) -> BaseSampler:
    """Return a sampler of Optuna over a space, for :func:`~runs.search.run_search` or a study of one's own.

    In a study of one's own, ``space.suggest(trial)`` gives the architecture of a trial.

    Parameters
    ----------
    name
        A name of ``SAMPLERS``.
    problem
        Its objectives are those of the study, in order; its ``n_trials`` decides what settings do not.
    seed
        A number that is not negative.
    settings
        The sampler's own, by name.

    Raises
    ------
    ConfigError
        For an unknown name, or a setting that is unknown or ill-typed.
    """
    member = SAMPLERS[name]
    filled = settings_from(member.settings, settings or {}, sampler=name)
    return member.build(space, seed=seed, problem=problem, settings=filled)
