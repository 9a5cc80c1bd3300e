"""Every configuration composes and becomes typed; mistakes name their key; a default stands in one place."""

from __future__ import annotations

import subprocess
import sys
import typing
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import hydra
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

import hydra_conf
from runs.app.compose import compose
from runs.app.config import as_yaml
from runs.app.schema.documented import declared_keys
from runs.app.schema.literals import literal
from runs.app.schema.renamed import RENAMED
from runs.app.schema.typed import defaults, hints_by_key
from runs.pipeline.config import Config
from runs.pipeline.run_folder import comparison_name, run_folder, sweep_folder, sweep_name
from search_space.errors import ConfigError, NasweaveError
from search_space.registry import Registry

ROOT = Path(hydra_conf.__file__).parent
OPTIONS = sorted(f"{p.parent.name}={p.stem}" for p in ROOT.glob("*/*.yaml"))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes_and_is_built(option):
    group, name = option.split("=")
    needed = ["task.options.path=mine"] if "path: ???" in (ROOT / group / f"{name}.yaml").read_text() else []
    assert compose(overrides=[option, *needed]).training.steps > 0


def test_every_task_and_sampler_has_its_option():
    for package, group in (
        ("supernet.tasks", "task"),
        ("runs.search.samplers", "search"),
        ("hardware_profiles.runtimes", "hardware"),
    ):
        options = {p.stem for p in (ROOT / group).glob("*.yaml")}
        assert set(Registry(package, "-")) == options - {"fidelities"}  # which is no sampler


def test_a_task_brings_its_space_and_training_and_the_user_overrides_both():
    assert compose(task="fashion_mnist").space["name"] == "vit_mixed"
    assert compose(task="fashion_mnist", overrides=["space=vit_softmax"]).space["name"] == "vit_softmax"


def flat(data, prefix=""):
    for key, value in data.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_a_default_stands_in_one_place():
    declared = dict(flat(defaults(Config)))
    main = yaml.safe_load((ROOT / "config.yaml").read_text())
    written = dict(flat({key: value for key, value in main.items() if key not in ("hydra", "defaults")}))
    assert not set(declared) & set(written)
    for path in (*ROOT.glob("training/*.yaml"), *ROOT.glob("search/*.yaml")):
        options = flat({path.parent.name: yaml.safe_load(path.read_text())})
        again = {key for key, value in options if declared.get(key, ...) == value} - {"search.sampler"}
        assert not again, f"{path.name} repeats {again}"


def test_the_help_reads_the_defaults_that_the_classes_have():
    shown = {key: default for key, default, _ in declared_keys()}
    declared = dict(flat(defaults(Config)))
    assert shown == {key: literal(value).strip("'") for key, value in declared.items() if value != {}}
    meanings = {key: meaning for key, _, meaning in declared_keys()}
    assert meanings["search.seed"] == "A number that is not negative."


def without_default(kind, prefix=""):
    hints = typing.get_type_hints(kind)
    for f in fields(kind):
        if is_dataclass(hints[f.name]):
            yield from without_default(hints[f.name], f"{prefix}{f.name}.")
        elif f.default is MISSING and f.default_factory is MISSING:
            yield f"{prefix}{f.name}"


def with_groups(data):
    """Return the keys of a configuration, and the groups that they are in."""
    return {key.rsplit(".", n)[0] for key, _ in flat(data) for n in range(3)} | set(data)


def test_what_no_class_declares_stands_in_the_yaml():
    main = yaml.safe_load((ROOT / "config.yaml").read_text())
    chosen = {group: option for entry in main["defaults"] if isinstance(entry, dict) for group, option in entry.items()}
    written = with_groups(main)
    for group, option in chosen.items():
        if not group.startswith("override"):
            text = (ROOT / group / f"{option}.yaml").read_text()
            own = yaml.safe_load(text)
            written |= with_groups(own if text.startswith("# @package _global_") else {group: own})
    assert not set(without_default(Config)) - written


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("finalists=many", "finalists: expected a value of type int, got 'many'"),
        ("finalists=(1)", "finalists: expected a value of type int, got '(1)'"),
        (
            "search.n_trails=3",
            "search.n_trails: expected search.n_trials, got 'search.n_trails'; write search.n_trials=3",
        ),
        ("+search.n_trails=3", "write search.n_trials=3"),
        ("n_trials=3", "write search.n_trials=3"),
        ("taks=csv", "write task=csv"),
        ("traning.steps=3", "write training.steps=3"),
        ("nothing_like_it=3", "nothing_like_it: expected a key of the configuration"),
        ("task=digts", "write task=digits"),
        ("space=vit_tini", "write space=vit_tiny"),
        ("task=null", "task: expected one of audio_folder, clinc150, csv,"),
        ("hardware=[1,null]", "hardware: expected one of onnxruntime,"),
        ("space.mixer=[a", "expected overrides that can be composed"),
        ("budget.latency_ms=fast", "budget.latency_ms"),
        ("budget.latency_ms=nan", "budget.latency_ms: expected a positive number (ms), got nan"),
        ("budget.latency_ms=-1", "budget.latency_ms: expected a positive number (ms), got -1.0"),
        (f"search.seed={10**30}", "search.seed: expected at most 2,147,483,647"),
        ("finetune.steps=0", "finetune.steps: expected 1 or more"),
        ("finetune.distillation_weight=nan", "finetune.distillation_weight: expected a share from 0 to 1"),
        ("workers.grace_s=inf", "workers.grace_s: expected at most 31,622,400"),
        ("task.options.patch_sise=2", "task.options.patch_sise: expected one of patch_size"),
        ("task.options.patch_size=two", "task.options.patch_size: expected a value of type int, got 'two'"),
        ("training.steps=0", "training.steps"),
        ("search.objectives=[speed]", "objectives"),
        ("profile.networks=true", "profile.networks: expected a value of type int, got True"),
        ("finalists=1,2", "add -m to run each"),
        ("search.sampler=${nothing}", "nothing"),
        ("baselines=3", "baselines: expected a group of keys"),
    ],
)
def test_a_wrong_value_names_its_key_and_the_remedy(override, words):
    with pytest.raises(NasweaveError) as error:
        compose(overrides=[override])
    assert words in str(error.value) and "+search" not in str(error.value).replace("'+search", "")


def test_a_missing_value_names_its_key():
    with pytest.raises(ConfigError, match=r"task\.options\.path"):
        compose(task="npz")


NAMES = ["..", ".", "", "supernets", "Supernets", "teachers", "comparisons", "profiles"]
NAMES += ["a/b", "../../x", "/x", "a\0b", "a\nb", "-a"]
NAMES += ["a\x7f", "a" * 256, "é" * 150, "a.", "~", "a b", "a\\b", "\ud800"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(ConfigError, match=r"^name: expected"):
        run_folder(outputs="outputs", task="digits", name=name)


@pytest.mark.parametrize("name", ["..", "a\0b"])
def test_the_configuration_refuses_such_names(name):
    with pytest.raises(ConfigError, match=r"^name: expected"):
        compose(overrides={"name": name})


@pytest.mark.parametrize("name", ["seeds-search.seed=1", "712e11511820", "null", "a,b"])
def test_ordinary_names_are_kept(name):
    assert compose(overrides={"name": name}).name == name


AMBIGUOUS = [
    *({"task.options.path": path} for path in ("a/b.csv", "a-b.csv", "a=b.csv", "a,b.csv", "..", "")),
    {"task.options.path": "x" * 500}, {"task.options.path": "x" * 501},
    {"a": "x-b-y"}, {"a": "x", "b": "y"}, {"a": "x-b", "b": "y"}, {"a-b": "1"}, {"a": "-1"}, {"a": "1e-3", "b": "0"},
]  # fmt: skip


def test_runs_of_a_sweep_have_names_of_the_keys_that_differ():
    assert sweep_name("seeds", {"search.seed": "1", "space": "vit_tiny"}) == "seeds-search.seed-1-space-vit_tiny"
    assert sweep_name("rates", {"training.learning_rate": "1e-3"}) == "rates-training.learning_rate-1e-3"
    assert sweep_name("default", {}) == "default"
    made = {sweep_name("own", swept) for swept in AMBIGUOUS}
    assert len(made) == len(AMBIGUOUS)
    for name in made:
        run_folder(outputs="outputs", task="csv", name=name)
        assert not {"=", "/", ","} & set(name)


def test_a_run_of_a_sweep_of_the_first_version_is_found_again(tmp_path):
    where = {
        "outputs": str(tmp_path),
        "task": "digits",
        "name": "seeds",
        "swept": {"search.seed": "1", "space": "vit_all"},
    }
    assert sweep_folder(**where).name == "seeds-search.seed-1-space-vit_all"
    former = tmp_path / "digits/seeds-search.seed=1,space=vit_all"
    former.mkdir(parents=True)
    assert sweep_folder(**where) == former


def test_comparisons_of_many_runs_have_short_and_distinct_names():
    assert comparison_name(["a", "b-search.seed-1"]) == "a+b-search.seed-1"
    made = {comparison_name(["é" * 99, "é" * 99, last]) for last in "abc"}
    assert len(made) == 3 and all(len(name.encode()) <= 200 for name in made)


@pytest.mark.parametrize("outputs", ["", " ", "a\0b", "a\nb"])
def test_outputs_are_a_folder(outputs):
    with pytest.raises(ConfigError, match=r"^outputs: expected"):
        compose(overrides={"outputs": outputs})


@pytest.mark.parametrize(
    "path",
    ["données.csv", "data (1).csv", "x#1.csv", "run=3.csv", "l'été.csv", "~/d.csv", "a,b.csv", "[a].csv", "{a}.csv",
     'say "a".csv', "a\\b.csv", "a\\", "1e5", "true", "a:b.csv", "a@b.csv", "a b", "choice(1)", "a&b!.csv"],
)  # fmt: skip
def test_paths_of_all_characters_come_through_the_plain_shell(path):
    keys = ("task.options.path", "profile.path", "data_root", "devices.phone")
    config = compose(task="csv", overrides=[f"{key}={path}" for key in keys])
    assert {config.task.options["path"], config.profile.path, config.data_root, config.devices["phone"]} == {path}


def test_quotes_as_hydra_has_them_are_understood():
    config = compose(overrides=["name='a'", 'task.options.path="x (1).npz"', "task=npz", "fork=null"])
    assert (config.name, config.task.options["path"], config.fork) == ("a", "x (1).npz", None)


def test_overrides_may_be_values_of_python():
    config = compose(
        overrides={
            "space": "vit_mixed",
            "search.n_trials": 3,
            "budget.latency_ms@phone": 2.5,
            "devices": {"phone": "my phone (1).json"},
            "search.objectives": ["validation_error", "latency_ms@phone"],
            "profile.time_budget": "5m",
        }
    )
    assert config.space["name"] == "vit_mixed" and config.search.n_trials == 3
    assert config.budget["latency_ms@phone"] == 2.5 and config.devices["phone"] == "my phone (1).json"
    assert config.search.objectives == ("validation_error", "latency_ms@phone")


def test_a_renamed_key_is_read_with_a_warning_that_names_the_new_one(caplog):
    known = {key for key, _ in hints_by_key(Config)}
    assert set(RENAMED.values()) <= known and not set(RENAMED) & known
    assert compose(overrides=["finetune.race=9"]).finetune.num_configurations == 9
    assert "finetune.race is called finetune.num_configurations now" in caplog.text


def test_a_renamed_key_in_a_file_of_the_users_is_read_too(tmp_path, caplog):
    (tmp_path / "effort").mkdir()
    (tmp_path / "effort/small.yaml").write_text("# @package _global_\nfinetune:\n  race: 5\nfinalists: 3\n")
    config = compose(overrides=["+effort=small"], config_dir=tmp_path)
    assert (config.finetune.num_configurations, config.finalists) == (5, 3) and "finetune.race" in caplog.text


def test_a_users_folder_offers_options_of_its_own(tmp_path):
    folder = tmp_path / "my 'own' (1)"
    (folder / "space").mkdir(parents=True)
    (folder / "space/mine.yaml").write_text((ROOT / "space/vit_tiny.yaml").read_text().replace("vit_tiny", "mine"))
    assert compose(overrides=["space=mine"], config_dir=folder).space["name"] == "mine"
    with pytest.raises(ConfigError, match="--config-dir"):
        compose(config_dir=tmp_path / "nothing")


def test_composing_leaves_a_users_hydra_as_it_was(tmp_path):
    with hydra.initialize_config_dir(str(tmp_path), version_base="1.2"):
        before = GlobalHydra.instance().hydra
        assert compose(task="digits").task.name == "digits"
        assert GlobalHydra.instance().hydra is before
        assert hydra.compose(overrides=["+a=1"]).a == 1
    assert not GlobalHydra.instance().is_initialized()


def test_composing_works_inside_of_a_users_application(tmp_path):
    (tmp_path / "app.py").write_text(
        "import hydra\nfrom hydra.core.hydra_config import HydraConfig\nfrom runs.app.compose import compose\n"
        "@hydra.main(version_base='1.2', config_path=None)\ndef main(cfg):\n"
        "    config = compose(task='digits')\n"
        "    print(config.task.name, HydraConfig.get().job.name)\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["digits", "app"], done.stderr


def test_the_whole_configuration_reads_back():
    config = compose(overrides=["space=vit_mixed"])
    data = yaml.safe_load(as_yaml(config))
    assert data["training"]["steps"] == config.training.steps and data["space"]["name"] == "vit_mixed"
