"""Two processes under torchrun train one supernet, and search it together, by the command line."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch

from runs.pipeline.accelerator import torch_device
from search_space.errors import ConfigError
from tests.runs.tiny import TINY, begin_from, nasweave

ROOT = Path(__file__).parents[2]
STORE = "store=sqlite+journal:///outputs/nasweave.db"


def torchrun(folder: Path, verb: str, *overrides: str) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "runs.app.cli", verb, *TINY, *overrides]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_two_processes_train_and_then_search(tiny_run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    begin_from(tiny_run, tmp_path / "outputs")
    torchrun(tmp_path, "train", "training.steps=6", STORE)
    curves = [path.read_text().splitlines() for path in tmp_path.glob("outputs/digits/supernets/*/training.jsonl")]
    assert sorted(json.loads(curve[-1])["step"] for curve in curves) == [6, 40]
    assert nasweave(monkeypatch, "profile", *TINY, "training.steps=6", STORE) == 0
    torchrun(tmp_path, "worker", "training.steps=6", STORE, "evaluation.finetune_steps=2")  # each process its own
    with closing(sqlite3.connect(tmp_path / "outputs/nasweave.db")) as database:
        claims = database.execute("select key, worker from nasweave_claims where state = 'complete'").fetchall()
    assert len({key for key, _ in claims}) == len(claims) == 16
    assert len({worker for _, worker in claims}) == 2


def test_a_verb_that_is_one_process_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert nasweave(monkeypatch, "search", *TINY) == 2
    assert "train or worker, which alone run in several processes" in " ".join(capsys.readouterr().err.split())


def test_each_process_takes_the_device_of_its_rank(monkeypatch) -> None:
    assert torch_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert torch_device("cuda") == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert torch_device("cuda") == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ConfigError, match="accelerator: expected 3 CUDA devices for cuda, got 2"):
        torch_device("cuda")
