"""Every configuration composes and becomes typed; mistakes name their key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException

import hydra_conf
from runs.app.cli import readable
from runs.app.config import Config, from_hydra
from runs.app.renamed import RENAMED, current
from search_space.errors import ConfigError
from search_space.registry import Registry

ROOT = Path(hydra_conf.__file__).parent
OPTIONS = sorted(f"{p.parent.name}={p.stem}" for p in ROOT.glob("*/*.yaml"))


def typed(*overrides: str) -> Config:
    with initialize_config_module("hydra_conf", version_base="1.3"):
        return from_hydra(compose("config", overrides=list(overrides)))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes(option):
    group, name = option.split("=")
    needed = ["task.options.path=mine"] if "path: ???" in (ROOT / group / f"{name}.yaml").read_text() else []
    assert typed(option, *needed).training.steps > 0


def test_every_task_and_sampler_has_its_option():
    for package, group in (
        ("supernet.tasks", "task"),
        ("runs.search.samplers", "search"),
        ("hardware_profiles.runtimes", "hardware"),
    ):
        assert set(Registry(package, "-")) == {p.stem for p in (ROOT / group).glob("*.yaml")}


def test_a_task_brings_its_space_and_training_and_the_user_overrides_both():
    assert typed("task=fashion_mnist").space["name"] == "vit_mixed"
    assert typed("task=fashion_mnist", "space=vit_softmax").space["name"] == "vit_softmax"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("finalists=many", "finalists: expected a value of type int, got 'many'"),
        ("+search.trials=3", "search.trials: expected one of"),
        ("budget.latency_ms=fast", "budget.latency_ms"),
        ("training.steps=0", "training.steps"),
        ("search.objectives=[speed]", "objectives"),
        ("profile.networks=true", "profile.networks: expected a value of type int, got True"),
    ],
)
def test_a_wrong_value_names_its_key(override, words):
    with pytest.raises(ConfigError) as error:
        typed(override)
    assert words in str(error.value)


def test_a_missing_value_names_its_key():
    with pytest.raises(ConfigError, match=r"task\.options\.path"):
        typed("task=npz")


def test_a_key_of_an_earlier_version_is_read_with_a_warning_that_says_the_new_one(capfd):
    for old, new in RENAMED.items():
        assert current(f"{old}=3") == f"{new}=3"
        assert f"{old} is called {new} now" in capfd.readouterr().err
        with pytest.raises(ConfigCompositionException):
            typed(f"{old}=3")
    assert current("finetune.steps=3") == "finetune.steps=3" and capfd.readouterr().err == ""
    assert typed(readable("finetune.race=3")).finetune.num_configurations == 3
