"""A search's life on the real stack: extended, forked to another budget or device, compared; evaluated once."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from runs.app.compose import compose
from runs.evaluation.pruning import Archive
from runs.objectives.front import front
from runs.pipeline.context import Context, open_context
from runs.pipeline.plan import Plan
from runs.pipeline.stages.baselines import BASELINES
from runs.pipeline.stages.evaluator import EVALUATOR
from runs.pipeline.stages.search import SEARCH
from runs.pipeline.stages.train import TRAIN
from search_space import Architecture
from supernet import extract
from supernet.tasks import Split
from supernet.training import Evaluator, evaluate
from tests.runs.devices import other_device
from tests.runs.tiny import TINY, begin_from, nasweave

SMALL = (*TINY, "baselines.random=0", "baselines.uniform=0", "finalists=2", "sensitivity=false", "search.n_trials=10")


def small_by(sampler: str) -> tuple[str, ...]:
    """Return the options of a small search by another sampler."""
    return (f"search={sampler}", *(option for option in SMALL if not option.startswith("search=")))


THREE = "search.objectives=[validation_error,latency_ms,latency_ms@phone]"


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory):
    """Return a folder with one finished search, ``a``, and the profile of another device."""
    folder = tmp_path_factory.mktemp("life")
    begin_from(tiny_run, folder / "outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert nasweave(patch, "search", *SMALL, "name=a") == 0
    other_device(folder / "outputs/digits/a/profile.json", folder / "phone.json")
    return folder


@pytest.fixture
def evaluated(monkeypatch, folder):
    """Return a count of the real evaluations by network, in the folder."""
    calls: Counter[str] = Counter()
    evaluator = Evaluator.__call__

    def counted(self, model, architecture=None, **options):
        calls[architecture.key] += 1
        return evaluator(self, model, architecture, **options)

    monkeypatch.setattr(Evaluator, "__call__", counted)
    monkeypatch.chdir(folder)
    return calls


def rows(folder: Path, query: str, *values: object) -> list[tuple]:
    with closing(sqlite3.connect(folder / "outputs" / "nasweave.db")) as database:
        return database.execute(query, values).fetchall()


def searched(folder: Path, name: str) -> dict[str, dict[str, float]]:
    """Return the values of the networks that the search of a run evaluated, in order."""
    query = """select key, objectives from nasweave_candidates where trial_number is not null and run_id =
        (select id from nasweave_runs where folder = ?) order by trial_number"""
    return {key: json.loads(values) for key, values in rows(folder, query, f"digits/{name}")}


def known(folder: Path) -> set[str]:
    return {key for (key,) in rows(folder, "select key from nasweave_evaluations")}


def test_quality_is_recorded_with_its_noise(folder) -> None:
    for values in searched(folder, "a").values():
        share, n = values["validation_error"] / 100, 359
        assert values["validation_error_se"] == pytest.approx(100 * (share * (1 - share) / (n - 1)) ** 0.5, rel=1e-6)
        assert values["validation_loss"] > 0 and values["validation_loss_se"] > 0


def test_another_run_of_the_same_search_evaluates_nothing(folder, evaluated, monkeypatch) -> None:
    assert nasweave(monkeypatch, "search", *SMALL, "name=b") == 0
    assert not evaluated
    assert searched(folder, "b") == searched(folder, "a")


def test_more_trials_extend_a_search_and_evaluate_only_what_is_new(folder, evaluated, monkeypatch) -> None:
    before, held = list(searched(folder, "b")), known(folder)
    assert nasweave(monkeypatch, "search", *SMALL, "name=b", "search.n_trials=13") == 0
    after = list(searched(folder, "b"))
    assert after[:10] == before and len(after) == len(set(after)) == 13
    assert set(evaluated) == set(after) - held and set(evaluated.values()) <= {1}


def test_a_fork_to_another_device_and_budget_begins_with_what_is_known(folder, evaluated, monkeypatch) -> None:
    mine = searched(folder, "a")
    limit = sorted(values["size_bytes"] for values in mine.values())[4]
    fork = ("name=c", "fork=a", "devices.phone=phone.json", THREE, f"budget.size_bytes={limit}")
    assert nasweave(monkeypatch, "report", *SMALL, *fork) == 0
    forked = searched(folder, "c")
    assert not evaluated and list(forked) == list(mine)
    for key, values in forked.items():
        assert values["validation_error"] == mine[key]["validation_error"]
        assert values["latency_ms@phone"] > 2 * values["latency_ms"]
    table = pd.read_csv(folder / "outputs/digits/c/report/candidates.csv")
    assert {"latency_ms@phone", "validation_error_se", "near_front"} <= set(table.columns)
    assert (table.loc[table["on_front"], "size_bytes"] <= limit).all() and table["on_front"].any()
    assert nasweave(monkeypatch, "search", *SMALL, *fork, "search.n_trials=12") == 0
    assert set(evaluated) <= set(searched(folder, "c")) - set(mine) and len(searched(folder, "c")) == 12


def test_energy_is_an_objective_and_a_limit_where_the_profile_holds_energies(folder, monkeypatch, capfd) -> None:
    monkeypatch.chdir(folder)
    own = folder / "outputs/digits/a/profile.json"
    other_device(own, folder / "metered.json", watts=2.0)
    other_device(own, folder / "plain.json")
    energy = "search.objectives=[validation_error,energy_mj@board]"
    device = ("name=energy", "fork=a", "devices.board=metered.json", energy, "budget.energy_mj@board=1000")
    assert nasweave(monkeypatch, "report", *SMALL, *device) == 0
    for values in searched(folder, "energy").values():
        assert values["energy_mj@board"] == pytest.approx(2.0 * values["latency_ms@board"], rel=1e-6)
    assert "energy_mj@board" in pd.read_csv(folder / "outputs/digits/energy/report/candidates.csv").columns
    without = ("name=none", "devices.board=plain.json", energy)
    assert nasweave(monkeypatch, "search", *SMALL, *without) == 2
    assert "energy_mj@board: expected a profile that holds energies" in capfd.readouterr().err


def test_a_report_tells_what_a_precision_costs_each_sub_block(folder, evaluated, monkeypatch) -> None:
    assert nasweave(monkeypatch, "report", *SMALL, "name=a", "sensitivity=true") == 0
    page = (folder / "outputs/digits/a/report/index.html").read_text()
    (key,) = re.findall(r"each sub-block of <code>(\w+)</code>", page)
    (figures,) = re.findall(r'id="figures">(.*?)</script>', page)
    (shown,) = json.loads(figures)["sensitivity"]["data"]
    run = opened(folder, "name=a")
    supernet = Plan(run).run(TRAIN)
    validation = run.data.validation
    inputs, targets = validation.batch(slice(0, len(validation)))
    (text,) = next(iter(rows(folder, "select architecture_json from nasweave_candidates where key = ?", key)))
    network = Architecture.from_json(text)

    def loss(precision: str) -> float:
        layers = tuple(
            run.space.canonical_layer(replace(x, mixer_precision=precision, channel_precision=precision))
            for x in network.layers
        )
        module = extract(supernet, replace(network, layers=layers)).eval()
        with torch.inference_mode():
            return float(torch.nn.functional.cross_entropy(module(inputs), targets))

    assert shown["x"] == ["w8a8"] and shown["y"][-1] == "all"
    assert shown["z"][-1][0] == pytest.approx(100 * (loss("w8a8") / loss("float") - 1), abs=1e-2)
    evaluated.clear()
    assert nasweave(monkeypatch, "report", *SMALL, "name=a", "sensitivity=true") == 0
    assert not evaluated


@pytest.mark.parametrize("sampler", ["nasweave", "random"])
def test_a_search_that_begins_outside_of_a_tight_budget_finds_networks_within(
    folder, monkeypatch, sampler: str
) -> None:
    monkeypatch.chdir(folder)
    limit = 1.8 * min(values["size_bytes"] for values in searched(folder, "a").values())  # 3 % of the space
    options = (f"name=tight-{sampler}", f"budget.size_bytes={limit}", "search.n_trials=16")
    assert nasweave(monkeypatch, "search", *small_by(sampler), *options) == 0
    within = [values["size_bytes"] <= limit for values in searched(folder, f"tight-{sampler}").values()]
    assert not all(within[:4]), "the budget is tight: it begins outside"
    if sampler == "nasweave":
        assert sum(within[8:]) >= 5, within


def test_runs_are_compared(folder, monkeypatch, capfd) -> None:
    monkeypatch.chdir(folder)
    assert nasweave(monkeypatch, "search", *small_by("random"), "name=d", "search.seed=3") == 0
    before = (folder / "outputs/digits/d/.hydra/config.yaml").read_bytes()
    assert nasweave(monkeypatch, "report", "compare=[a,outputs/digits/d]") == 0
    made = folder / "outputs/digits/comparisons/a+d"
    assert {p.name for p in made.iterdir()} == {"index.html", "comparison.png", "fronts.csv"}
    assert set(pd.read_csv(made / "fronts.csv")["run"]) == {"a", "d"}
    assert (folder / "outputs/digits/d/.hydra/config.yaml").read_bytes() == before
    assert not (folder / ".hydra").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "compare=[a,zz]"), "compare: expected names of runs of the task digits (a"),
        (("report", "compare=[a]"), "compare: expected two names or more"),
        (("report", "compare=[a,a]"), "compare: expected distinct runs"),
        (("search", *SMALL, "name=e", "fork=zz"), "fork: expected names of runs of the task digits (a"),
        (("search", *SMALL, "name=e", "fork=a", "evaluation.bf16=true"), "fork: expected a run of the same space"),
        (("search", *SMALL, "name=e", THREE), "latency_ms@phone: expected a device of devices (none is given)"),
        (("search", *SMALL, "name=e", "devices.phone=no.json", THREE), "devices.phone: expected a profile's file"),
        (
            ("search", *SMALL, "name=f", "space.depth=[1]", "devices.phone=phone.json", THREE),
            "devices.phone: expected a profile of blocks of this space",
        ),
        (("search", *SMALL, "name=e", "evaluation.examples=0"), "evaluation.examples: expected 1 or more, or null"),
    ],
)
def test_a_mistake_is_one_line(folder, monkeypatch, capfd, arguments, words) -> None:
    monkeypatch.chdir(folder)
    assert nasweave(monkeypatch, *arguments) == 2
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("nasweave: ") and words in last


def opened(folder: Path, *overrides: str) -> Context:
    config = compose(overrides=[*SMALL, *overrides])
    name = folder / "outputs" / "digits" / config.name
    name.mkdir(parents=True, exist_ok=True)
    return open_context(config, folder=name)


class Sealed(Split):
    """A split that nobody may look into."""

    def batch(self, rows):
        raise AssertionError("the test split was read")

    @property
    def inputs(self):
        return self.batch(slice(None))


def test_the_search_never_reads_the_test_split(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    found = opened(Path(), "name=sealed", "search.seed=5", "baselines.random=2", "evaluation.early_stop=true")
    test = found.data.test
    fields = {name: getattr(test, name) for name in ("stored", "targets", "offset", "scale", "padding")}
    found = replace(found, data=replace(found.data, test=Sealed(**fields)))
    plan = Plan(found)
    plan.run(BASELINES)
    assert len(plan.run(SEARCH).trials) == 10
    with pytest.raises(AssertionError, match="test split was read"):  # what the search would have met
        evaluate(plan.run(TRAIN), data=found.data, split=found.data.test, architecture=found.space.smallest)


def test_a_network_given_up_early_is_marked_and_in_no_front(folder, evaluated, monkeypatch) -> None:
    """Every second network is called hopeless here, the best ones among them."""
    turns = iter(range(1000))
    monkeypatch.setattr(Archive, "should_prune", lambda *arguments, **options: next(turns) % 2 == 0)
    options = ("evaluation.early_stop=true", "evaluation.batch_size=250", "evaluation.examples=300")
    found = opened(Path(), "name=early", *options)
    plan = Plan(found)
    plan.run(BASELINES)
    candidates = found.store.candidates(found.run.id)
    partial = {c.key for c in candidates if "validation_fraction" in c.values}
    assert partial and partial <= set(evaluated)
    for c in candidates:
        assert c.values.get("validation_fraction", 1.0) == (250 / 300 if c.key in partial else 1.0)
    members = front(candidates, found.objectives, found.budget)
    assert members and not partial & {c.key for c in members}
    kept = set(plan.run(EVALUATOR).known.known())
    assert kept == set(evaluated) - partial, "no other run takes a part for the whole"
