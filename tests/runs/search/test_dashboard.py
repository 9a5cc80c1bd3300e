"""optuna-dashboard opens a study of ours, and what it shows can be read."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.objectives import Budget
from runs.search import StudyRecord, distributions
from search_space import SearchSpace
from tests.runs.search.problem import SyntheticQuality

pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")
N = 6


@pytest.fixture
def address(space: SearchSpace, tmp_path: Path) -> Iterator[str]:
    """Search a little, start the dashboard as the documentation says, and stop it in the end."""
    bench, url = SyntheticQuality(space), f"sqlite:///{tmp_path}/a.db"
    problem = bench.problem(N, budget=Budget(limits={"size_bytes": 1e9}))
    bench.search(problem, sampler="random", record=StudyRecord(name="digits/default", storage_url=url))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = "from optuna_dashboard._cli import main; main()"
    arguments = [sys.executable, "-c", command, url, "--host", "127.0.0.1", "--port", str(port), "--server", "wsgiref"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(arguments, stdout=log, stderr=log) as process:
        try:
            end = time.monotonic() + 90
            while True:
                assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
                assert time.monotonic() < end, "the dashboard does not answer"
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def read(url: str) -> dict:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as answer:
        return json.load(answer)


def test_a_study_has_its_name_objectives_and_genes(address: str, space: SearchSpace) -> None:
    (study,) = read(f"{address}/api/studies")["study_summaries"]
    assert study["study_name"] == "digits/default"
    detail = read(f"{address}/api/studies/{study['study_id']}")
    assert detail["objective_names"] == ["validation_error", "latency_ms"]
    assert detail["directions"] == ["minimize", "minimize"]
    assert len(detail["trials"]) == N
    shown = {p["name"]: p["param_external_value"] for p in detail["trials"][0]["params"]}
    assert set(shown) == set(distributions(space)) and shown["layer0.mixer"] in space.mixer
    best = {t["number"] for t in detail["best_trials"]}
    values = [tuple(float(v) for v in t["values"]) for t in detail["trials"]]
    front = {
        i
        for i, a in enumerate(values)
        if not any(b != a and all(x <= y for x, y in zip(b, a, strict=True)) for b in values)
    }
    assert best == front
