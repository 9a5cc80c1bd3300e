"""Several processes at once, and processes that are killed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runs.store import Store

_SAME_KEYS = """
import json, sys
from runs.store import Store
from tests.runs.store.conftest import ARCHITECTURE

url, me = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with Store.open(url) as store:
    run = store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")
    new, sources = 0, []
    for index in range(40):
        new += store.add_measurement("p", str(index), payload={"by": me})
        candidate = store.add_candidate(
            run.id, str(index), architecture=ARCHITECTURE, values={"v": index / 3}, predicted={}, source=me
        )
        sources.append(candidate.source)
    store.finish_stage(run.id, "search", fingerprint=me, detail={})
print(json.dumps([run.id, new, sources]))
"""

_ENDLESS = """
import sys
from runs.store import Store
from search_space import Architecture
from tests.runs.store.conftest import ARCHITECTURE

LARGE = Architecture(embed_dim=64, layers=ARCHITECTURE.layers * 30)

with Store.open(sys.argv[1]) as store:
    run = store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")
    for index in range(int(sys.argv[2]), 10**9):
        store.add_candidate(
            run.id, str(index), architecture=LARGE, values={"v": index / 3}, predicted={}, source="search"
        )
        print(index, flush=True)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_create_one_database_and_store_each_key_once(url: str) -> None:
    processes = [start(_SAME_KEYS, url, me) for me in ("one", "two")]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    (first_run, first_new, first_sources), (second_run, second_new, second_sources) = answers
    assert first_run == second_run
    assert first_new + second_new == 40
    assert first_sources == second_sources
    with Store.open(url) as store:
        stored = store.candidates(first_run)
        assert sorted(int(candidate.key) for candidate in stored) == list(range(40))
        assert {candidate.key: candidate.source for candidate in stored} == dict(
            zip(map(str, range(40)), first_sources, strict=True)
        )
        by = [payload["by"] for payload in store.measurements("p")]
        assert (by.count("one"), by.count("two")) == (first_new, second_new)
        assert store.stage(first_run, "search").fingerprint in ("one", "two")


def test_threads_share_a_store(url: str) -> None:
    with Store.open(url) as store, ThreadPoolExecutor(4) as pool:
        new = list(pool.map(lambda index: store.add_measurement("p", str(index % 20), payload={"i": index}), range(60)))
        assert sum(new) == 20
        assert sorted(store.measured_subjects("p"), key=int) == [str(index) for index in range(20)]


def test_a_killed_process_loses_nothing_that_it_had_stored(tmp_path: Path) -> None:
    file = tmp_path / "nasweave.db"
    begin = 0
    for rows_before_kill in (1, 7, 30):
        process = start(_ENDLESS, f"sqlite:///{file}", str(begin))
        for _ in range(rows_before_kill):
            last = int(process.stdout.readline())
        process.kill()
        rest, _ = process.communicate(timeout=60)
        complete = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        last = int(complete[-1]) if complete else last
        with sqlite3.connect(file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()
        with Store.open(f"sqlite:///{file}") as store:
            stored = store.candidates(store.runs()[0].id)
        # One row more than was said may be there: stored, then killed before saying so.
        assert len(stored) - (last + 1) in (0, 1)
        assert [candidate.key for candidate in stored] == [str(index) for index in range(len(stored))]
        assert all(candidate.values == {"v": int(candidate.key) / 3} for candidate in stored)
        begin = len(stored)


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    file = tmp_path / "nasweave.db"
    with Store.open(f"sqlite:///{file}", busy_timeout_s=0.05) as store:
        run = store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM nasweave_runs")
        assert store.runs() == [run]
        other.close()


def test_opening_waits_for_a_writer_of_a_database_without_write_ahead_log(tmp_path: Path) -> None:
    file = tmp_path / "nasweave.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    # SQLite's own busy timeout does not apply to changing the journal.
    with sqlite3.connect(file, timeout=30) as impatient, pytest.raises(sqlite3.OperationalError, match="locked"):
        impatient.execute("PRAGMA journal_mode=WAL")
    impatient.close()
    timer = threading.Timer(0.2, other.execute, ["COMMIT"])
    timer.start()
    with Store.open(f"sqlite:///{file}", busy_timeout_s=30) as store:
        assert store.runs() == []
    timer.join()
    other.close()
