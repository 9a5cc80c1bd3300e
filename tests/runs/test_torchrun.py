"""Two processes train one supernet by the command line, and the first alone holds its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.runs.tiny import TINY


def test_two_processes_train_by_the_command_line(tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "runs.cli", "train", *TINY, "training.steps=6"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (curve,) = tmp_path.glob("outputs/digits/supernets/*/training.jsonl")
    assert [json.loads(line)["step"] for line in curve.read_text().splitlines()][-1] == 6
