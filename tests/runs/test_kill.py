"""kill -9 and Ctrl-C during profile, train and search, then the same command: nothing is lost, doubled or changed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from hardware_profiles import Profile
from tests.runs.forked import command_line, ended
from tests.runs.tiny import TINY, nasweave

# PyTorch runs what it has; the other runtimes spend seconds on each export.
SETTING = ("hardware=torch", "space.precision=[float]")
WORDS = ("search", *TINY, *SETTING)
TABLES = {
    "profile": "select count(*) from nasweave_measurements",
    "search": "select count(*) from nasweave_candidates where source = 'search'",
}


def count(folder: Path, query: str) -> int:
    database = folder / "outputs" / "nasweave.db"
    if not database.exists():
        return 0
    try:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # before the first migration is done
        return 0


def lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("outputs/digits/supernets/*/training.jsonl"))


def progress(folder: Path, stage: str) -> int:
    return lines(folder) if stage == "train" else count(folder, TABLES[stage])


def stop_at(folder: Path, stage: str, reached: int, how: signal.Signals) -> None:
    """Start the command and stop it as soon as a stage has come so far."""
    process = command_line(folder, *WORDS)
    end = time.monotonic() + 120
    while progress(folder, stage) < reached:
        assert process.is_alive(), (folder / "log").read_text()[-2000:]
        assert time.monotonic() < end, f"{stage} did not come to {reached}"
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, how)
    code = ended(process, seconds=60)
    if how == signal.SIGINT:
        assert code == 130
        last = (folder / "log").read_text().strip().splitlines()[-1]
        assert last.startswith("nasweave: interrupted") and last.endswith("the same command continues")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    seen = {}
    for stage, reached in (("profile", 7), ("train", 17), ("search", 6)):
        stop_at(folder, stage, reached - 3, signal.SIGINT)
        stop_at(folder, stage, reached, signal.SIGKILL)
    with closing(sqlite3.connect(folder / "outputs" / "nasweave.db")) as database:
        seen["candidates"] = set(database.execute("select key, objectives from nasweave_candidates").fetchall())
        seen["measurements"] = set(
            database.execute("select subject_key, payload from nasweave_measurements").fetchall()
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert nasweave(patch, *WORDS) == 0
    return folder, seen


def test_every_finished_candidate_and_measurement_is_kept(killed):
    folder, seen = killed
    assert len(seen["candidates"]) >= 6
    with closing(sqlite3.connect(folder / "outputs" / "nasweave.db")) as database:
        assert seen["candidates"] <= set(database.execute("select key, objectives from nasweave_candidates").fetchall())
        kept = set(database.execute("select subject_key, payload from nasweave_measurements").fetchall())
    assert seen["measurements"] <= kept


def test_nothing_is_there_twice(killed):
    folder, _ = killed
    with closing(sqlite3.connect(folder / "outputs" / "nasweave.db")) as database:
        keys = database.execute("select key from nasweave_candidates where source = 'search'").fetchall()
        subjects = database.execute("select subject_key from nasweave_measurements").fetchall()
        running = database.execute("select count(*) from trials where state in ('RUNNING', 'WAITING')").fetchone()
    assert len(keys) == len(set(keys)) == 16
    assert len(subjects) == len(set(subjects))
    assert running == (0,)
    (header,) = folder.glob("outputs/profiles/*.json")
    profile = Profile.load(header)
    assert len(profile.measurements) == len({m.subject for m in profile.measurements}) == len(subjects)


def test_the_training_curve_and_the_weights_are_those_of_an_uninterrupted_run(killed, tmp_path, monkeypatch):
    folder, _ = killed
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, "train", *WORDS[1:]) == 0
    for name in ("training.jsonl", "checkpoint.safetensors"):
        (interrupted,) = folder.glob(f"outputs/digits/supernets/*/{name}")
        (whole,) = tmp_path.glob(f"outputs/digits/supernets/*/{name}")
        assert interrupted.read_bytes() == whole.read_bytes(), name
