"""The default way by the command line: networks trained in rounds, reported, exported, trained further, in seconds."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch

import nasweave as nw
from runs.search.fidelities import FidelitiesConfig
from search_space.errors import ConfigError
from supernet.saving import load_network
from supernet.training.checkpoint import FILE, load_checkpoint
from tests.runs.tiny import TINY, nasweave

COMMAND = (
    *(a for a in TINY if not a.startswith(("search", "baselines"))),
    "search=fidelities",
    "search.fidelities.max_rounds=12",
    "search.fidelities.rungs=[10,20,40]",
    "search.fidelities.initial=4",
    "search.fidelities.processes=1",
    "search.fidelities.baselines=0.02",
    "baselines.random=2",
    "baselines.uniform=2",
    # PyTorch runs what it has; the other runtimes spend seconds on each export.
    "hardware=torch",
    "space.precision=[float]",
    "export.formats=[safetensors,onnx]",
)
RUN = Path("outputs/digits/default")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a folder in which one run was made."""
    folder = tmp_path_factory.mktemp("fidelities")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert nasweave(patch, "run", *COMMAND) == 0
    return folder


@pytest.fixture
def copy(finished, tmp_path, monkeypatch):
    """Work in a copy of it."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(query):
    with closing(sqlite3.connect("outputs/nasweave.db")) as database:
        return database.execute(query).fetchall()


def state():
    tables = [n for (n,) in rows("select name from sqlite_master where type = 'table'")]
    counts = {t: rows(f"select count(*) from {t}") for t in tables if t.startswith(("nasweave_", "trials"))}
    return counts, {p: p.stat().st_mtime_ns for p in RUN.glob(f"*/*/{FILE}")}


def assert_weights_are_those_trained(key):
    exported = load_network(RUN / "exports" / key).state_dict()
    trained = load_checkpoint(next(RUN.glob(f"*/{key}/{FILE}"))).tensors
    compared = [name for name in exported if f"weight/{name}" in trained]
    assert compared and all(torch.equal(exported[name], trained[f"weight/{name}"]) for name in compared)


def test_a_run_ends_in_a_report_and_the_trained_network(copy):
    assert (RUN / "report" / "index.html").stat().st_size > 1e6
    (export,) = (RUN / "exports").iterdir()
    assert_weights_are_those_trained(export.name)
    parity = json.loads((export / "parity.json").read_text())
    assert {row["compared_with"] for row in parity.values()} == {"the trained network"}
    ((final,),) = rows(f"select final from nasweave_candidates where key = '{export.name}'")
    assert parity["safetensors"]["test_metric"] == pytest.approx(100 - json.loads(final)["test_error"], abs=1e-3)


def test_plain_optuna_reads_a_complete_trial_for_each_round(copy):
    study = optuna.load_study(study_name="digits/default", storage="sqlite:///outputs/nasweave.db")
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 12
    assert {t.user_attrs["training_steps"] for t in study.trials} <= {10, 20, 40}
    assert study.best_trials and study.metric_names == ["validation_error", "latency_ms"]


def test_the_same_command_repeats_nothing(copy, monkeypatch):
    before = state()
    assert nasweave(monkeypatch, "run", *COMMAND) == 0
    assert state() == before


def test_a_finished_search_goes_on_where_it_is_asked_for_alone(copy, monkeypatch):
    before, more = rows("select count(*) from trials"), (*COMMAND, "search.fidelities.max_rounds=13")
    for verb in ("report", "export"):
        assert nasweave(monkeypatch, verb, *more) == 0
        assert rows("select count(*) from trials") == before
    assert nasweave(monkeypatch, "search", *more) == 0
    assert rows("select count(*) from trials") == [(13,)]


def test_a_network_trained_further_is_tested_and_exported_anew(copy, monkeypatch):
    (export,) = (RUN / "exports").iterdir()
    key = export.name
    query = f"select objectives, final from nasweave_candidates where key = '{key}'"
    before = [json.loads(text) for text in rows(query)[0]]
    options = (f"key={key}", "finetune.steps=60")
    assert nasweave(monkeypatch, "finetune", *COMMAND, *options) == 0
    values, final = rows(query)[0]
    assert json.loads(values)["training_steps"] == before[0]["training_steps"] + 60 and final in (None, "null")
    assert nasweave(monkeypatch, "export", *COMMAND, *options) == 0
    assert_weights_are_those_trained(key)
    values, final = (json.loads(text) for text in rows(query)[0])
    parity = json.loads((export / "parity.json").read_text())
    assert parity["safetensors"]["test_metric"] == pytest.approx(100 - final["test_error"], abs=1e-3)
    assert values["validation_loss"] < before[0]["validation_loss"] and np.isfinite(final["test_error"])


def test_a_worker_begins_what_a_search_ends(copy, monkeypatch, capfd):
    shared = (*COMMAND, "name=shared", "store=sqlite+journal:///outputs/nasweave.db")
    assert nasweave(monkeypatch, "worker", *shared) == 2
    assert "expected the profile of the run that this worker takes part in" in capfd.readouterr().err
    assert nasweave(monkeypatch, "profile", *shared) == 0
    assert nasweave(monkeypatch, "worker", *shared, "search.fidelities.max_rounds=6") == 0
    assert "the search has 6 rounds of training" in capfd.readouterr().err
    assert nasweave(monkeypatch, "search", *shared) == 0
    claims = rows("select worker, state from nasweave_claims")
    assert [state for _, state in claims] == ["complete"] * 12 and len({worker for worker, _ in claims}) == 2
    with nw.load_run("outputs/digits/shared") as run:  # the corners are trained in the end, where the search did not
        assert {run.space.smallest.key, run.space.largest.key} <= {*run.candidates().index}


@pytest.mark.parametrize(
    ("verb", "override", "words"),
    [
        ("worker", (), "store: expected a database that several workers can share, got SQLite"),
        ("search", ("search.fidelities.rungs=[10,20,80]",), "the rungs it was started with ([10, 20, 40])"),
        ("search", ("search.seed=7",), "the seed it was started with (0)"),
        ("search", ("search.fidelities.optimizer=adamw",), "the training configuration and data that this run was"),
        ("search", ("search.fidelities.optimizer=adam",), "optimizer: expected muon or adamw, got 'adam'"),
        (
            "search",
            ("search.fidelities.learning_rate=0",),
            "expected more than 0 and at most 1, or null",
        ),
        ("search", ("search=nasweave",), "search.method=fidelities, which this run was begun with"),
        ("search", ("evaluation.early_stop=true",), "evaluation.early_stop: expected a search with a supernet"),
        ("search", ("evaluation.finetune_steps=5",), "evaluation.finetune_steps: expected a search with a supernet"),
        ("search", ("evaluation.bf16=true",), "evaluation.bf16: expected a search with a supernet"),
        ("finetune", ("finetune.num_configurations=4",), "finetune.num_configurations: expected a search"),
        ("search", ("fork=other",), "fork: expected a search with a supernet"),
        ("search", ("search.objectives=[latency_ms,flops]",), "the validation error or loss among them"),
    ],
)
def test_what_does_not_apply_is_refused_in_one_line(copy, monkeypatch, capfd, verb, override, words):
    before = state()
    capfd.readouterr()
    assert nasweave(monkeypatch, verb, *COMMAND, *override) == 2
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("nasweave: ") and words in last
    assert state() == before


def test_networks_of_a_checkpoint_keep_the_rate_of_the_training():
    settings = FidelitiesConfig()
    assert settings.rate(1e-4, pretrained=True) == 1e-4 and settings.rate(1e-4, pretrained=False) == 8e-3
    assert FidelitiesConfig(learning_rate=0.02).rate(1e-4, pretrained=True) == 0.02


def test_decay_forgets_in_so_many_passes_whatever_the_number_of_examples():
    given = {"rate": 8e-3, "batch_size": 64}
    assert FidelitiesConfig().decay(0.1, examples=300, **given) == 0.1
    settings = FidelitiesConfig(decay_passes=4)
    for examples in (500, 5000):
        steps = 4 * examples / 64
        assert settings.decay(0.1, examples=examples, **given) * 8e-3 == pytest.approx(1 / steps)
    assert settings.decay(0.1, examples=20, **given) * 8e-3 == pytest.approx(0.04), "or nothing is learned"
    assert settings.decay(0.1, examples=10**6, **given) == 0.1, "never less than the training's"
    with pytest.raises(ConfigError, match="decay_passes: expected more than 0"):
        FidelitiesConfig(decay_passes=0.0)
