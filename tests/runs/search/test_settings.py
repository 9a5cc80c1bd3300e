"""The settings of samplers, from configuration groups and from keywords, with errors that say what is allowed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import optuna
import pytest
from omegaconf import OmegaConf

import hydra_conf
from runs.search import SAMPLERS, SearchConfig, build_sampler
from runs.search.settings import settings_from
from search_space import SearchSpace
from search_space.errors import ConfigError
from tests.runs.search.problem import SyntheticQuality

GROUPS = Path(next(iter(hydra_conf.__path__))) / "search"


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_group_lists_every_setting_with_its_default(name: str) -> None:
    group = OmegaConf.to_container(OmegaConf.load(GROUPS / f"{name}.yaml"))
    assert isinstance(group, dict) and group["sampler"] == name
    default = SAMPLERS[name].settings()
    assert group["settings"] == {f.name: getattr(default, f.name) for f in fields(default)}
    assert SearchConfig(**group).settings == group["settings"]
    documented = SAMPLERS[name].settings.__doc__ or ""
    assert all(f"    {f.name}\n" in documented for f in fields(default)), "the docstring names each"


def test_there_is_a_group_for_each_sampler() -> None:
    assert {path.stem for path in GROUPS.glob("*.yaml")} == {*SAMPLERS, "fidelities"}


@pytest.mark.parametrize(
    ("sampler", "settings", "message"),
    [
        ("nsga2", {"population": 20}, r"search\.settings\.population: expected a setting of nsga2 \(population_size\)"),
        ("nsga2", {"populaton_size": 20}, r"write population_size"),
        ("nsga2", {"population_size": "many"}, r"expected int or null, 2 or more, got 'many'"),
        ("nsga2", {"population_size": 1}, r"expected int or null, 2 or more, got 1"),
        ("nsga2", {"population_size": True}, r"expected int or null, 2 or more, got True"),
        ("tpe", {"multivariate": 1}, r"search\.settings\.multivariate: expected bool, got 1"),
        ("nasweave", {"batch": None}, r"search\.settings\.batch: expected int, 1 or more, got None"),
        ("random", {"batch": 4}, r"expected a setting of random \(it has none\).*search=random"),
    ],
)
def test_settings_that_make_no_sense(sampler: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_from(SAMPLERS[sampler].settings, settings, sampler=sampler)
    with pytest.raises(ConfigError, match=message):
        SearchConfig(n_trials=9, sampler=sampler, settings=settings)  # type: ignore[arg-type]


def test_a_setting_changes_the_search(space: SearchSpace) -> None:
    """Generations of ten or of twenty: the first ten networks are alike, and what follows is not."""
    quality = SyntheticQuality(space)

    def networks(size: int) -> list[str]:
        problem = quality.problem(30)
        sampler = build_sampler("nsga2", space, problem=problem, seed=1, settings={"population_size": size})
        study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)

        def objective(trial: optuna.Trial) -> tuple[float, float]:
            architecture = space.suggest(trial)
            costs = quality.cost_function(space.encode([architecture]))
            return quality.evaluate(architecture), float(costs["latency_ms"][0])

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study.optimize(objective, n_trials=30)
        return [str(sorted(t.params.items())) for t in study.trials]

    ten, twenty = networks(10), networks(20)
    assert ten[:10] == twenty[:10] and ten != twenty


def test_the_algorithms_need_neither_optuna_nor_torch() -> None:
    modules = "guided, linas, highest_flops, feasible, successive_halving"
    code = f"import sys\nfrom runs.search.algorithms import {modules}\n"
    code += "print([m for m in ('optuna', 'torch', 'sqlalchemy', 'rich', 'hydra') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
