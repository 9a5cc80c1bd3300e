"""The worked example of CONTRIBUTING.md does what it says, contract tests included."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = ("tests/contracts/test_blocks.py", "tests/contracts/test_block_exports.py")


def test_the_example_mixer_passes_its_test_and_the_contract(tmp_path):
    mixer, test = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    (tmp_path / "mixers").mkdir()
    (tmp_path / "mixers" / "token_shift.py").write_text(mixer)
    (tmp_path / "test_token_shift.py").write_text(test)
    # The example's folder joins the package's path: the registry then finds the file as if it lay beside the others.
    plugin = f"import supernet.mixers\nsupernet.mixers.__path__.append({str(tmp_path / 'mixers')!r})\n"
    (tmp_path / "example_mixer.py").write_text(plugin)
    paths = [str(tmp_path / "test_token_shift.py"), *CONTRACTS]
    options = ["-n", "0", "-p", "example_mixer", "--rootdir", str(ROOT), "-c", "pyproject.toml", "-k", "token_shift"]
    command = [sys.executable, "-m", "pytest", *options, *paths]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 6, done.stdout[-500:]
