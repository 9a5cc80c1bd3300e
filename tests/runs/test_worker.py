"""Workers by the command line: refused where they cannot work, else sharing a search; started by launchers too."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig

from runs.search.workers import patience
from runs.store import Store
from runs.store.failures import UnreachableError
from search_space import errors
from tests.runs.tiny import TINY, nasweave

SHARED = "store=sqlite+journal:///${outputs}/nasweave.db"
FEW = (*TINY, "search.n_trials=8", "baselines.random=1", "baselines.uniform=1")


def searched(folder: Path) -> list[str]:
    """Return the keys of the networks that the search evaluated."""
    with closing(sqlite3.connect(folder / "outputs" / "nasweave.db")) as database:
        rows = database.execute("SELECT key FROM nasweave_candidates WHERE source = 'search' ORDER BY id").fetchall()
        claims = database.execute("SELECT key FROM nasweave_claims WHERE state = 'complete' ORDER BY id").fetchall()
        assert sorted(rows) == sorted(claims)
        assert database.execute("SELECT count(*) FROM nasweave_workers WHERE NOT has_left").fetchone() == (0,)
    return [key for (key,) in rows]


def test_workers_of_launchers_share_a_search(tiny_run, monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)

    assert nasweave(monkeypatch, "worker", *FEW) == 2
    assert "store: expected a database that several workers can share, got SQLite" in capfd.readouterr().err
    assert nasweave(monkeypatch, "worker", *FEW, SHARED) == 2
    assert "profile.json: expected the profile of the run that this worker takes part in" in capfd.readouterr().err
    shutil.copytree(tiny_run / "outputs/profiles", tmp_path / "outputs/profiles", dirs_exist_ok=True)
    assert nasweave(monkeypatch, "profile", *FEW, SHARED) == 0
    assert nasweave(monkeypatch, "worker", *FEW, SHARED) == 2
    assert "checkpoint" in capfd.readouterr().err
    assert nasweave(monkeypatch, "train", *FEW, SHARED) == 0

    several = ("worker", "-m", "workers.index=range(2)", *FEW, SHARED)
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert nasweave(monkeypatch, *several, "search.n_trials=5", *joblib) == 0, capfd.readouterr().err
    first = searched(tmp_path)
    assert len(first) == len(set(first)) == 5
    output = capfd.readouterr().err
    assert output.count("the search has 5 networks") == 2

    submitted = ("hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5")
    one = ("worker", "-m", "workers.index=0", *FEW, SHARED)
    assert nasweave(monkeypatch, *one, *submitted) == 0
    assert searched(tmp_path)[:5] == first and len(searched(tmp_path)) == 8

    assert nasweave(monkeypatch, "search", *FEW, SHARED, "search.n_trials=9") == 0
    assert len(set(searched(tmp_path))) == 9
    assert [p.name for p in (tmp_path / "outputs" / "digits").iterdir() if p.is_dir()].count("default") == 1
    assert not list((tmp_path / "outputs" / "digits").glob("default-*")), "all workers use the folder of the search"

    assert nasweave(monkeypatch, *one, "training.steps=41", *joblib) == 2
    assert "checkpoint" in capfd.readouterr().err, "what a launcher's process cannot do is said in one line"


def test_the_launcher_for_slurm_is_whole():
    with initialize_config_module("hydra_conf", version_base="1.3"):
        config = compose("config", overrides=["hydra/launcher=submitit"], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    launcher = config.hydra.launcher
    module, _, name = launcher._target_.rpartition(".")
    assert name == "SlurmLauncher" and hasattr(import_module(module), name)
    assert (launcher.max_num_timeout, launcher.cpus_per_task) == (8, 4)


@pytest.mark.parametrize("name", [n for n in errors.__all__ if n.endswith("Error")])
def test_errors_come_back_from_a_launchers_process(name):
    error = getattr(errors, name)("key", expected="a", got="b", remedy="c")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error) == "key: expected a, got b; c"
    assert (copy.parameter, copy.expected, copy.got, copy.remedy) == ("key", "a", "b", "c")


def test_a_database_that_is_away_when_a_worker_starts_is_waited_for(monkeypatch, tmp_path, capfd):
    monkeypatch.chdir(tmp_path)
    tried = []

    def away(url):
        tried.append(url)
        if len(tried) < 4:
            raise UnreachableError("database", expected="a server that can be reached", got="none", remedy="start it")
        raise errors.StoreError("database", expected="a database", got="what ends this test", remedy="none")

    monkeypatch.setattr(Store, "open", away)
    monkeypatch.setattr(patience, "_FIRST_PAUSE_S", 0.001)
    assert nasweave(monkeypatch, "worker", *TINY, "store=postgresql://me@127.0.0.1:1/x") == 2
    err = capfd.readouterr().err
    assert len(tried) == 4 and err.count("got none; start it; trying again in") == 3 and "what ends this test" in err
    tried.clear()
    assert nasweave(monkeypatch, "worker", *TINY, "store=postgresql://me@127.0.0.1:1/x", "workers.patience_s=1e-6") == 2
    assert len(tried) == 1 and "trying again" not in capfd.readouterr().err
