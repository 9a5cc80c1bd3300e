"""Make the folder of outputs that a released version wrote, anew from git history.

``python tests/compatibility/make.py VERSION`` checks out the version's last commit in a temporary folder, runs its own
command line on tiny spaces, and keeps what is small: the database, the profiles, the checkpoints, one export and the
commands themselves. Pages and pictures are left out, for nothing reads them again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
COMMITS = {"0.1.0": "ea89cf3"}
PROGRAMS = {"0.1.0": "runs.cli"}
LESS = ("search.n_trials=8", "baselines.random=2", "baselines.uniform=2", "finalists=2")
FORMATS = "export.formats=[safetensors,onnx]"
TEXT = (
    "task=gutenberg",
    "task.options.context=16",
    "data_root=.",
    "space.embed_dim=[8]",
    "space.depth=[1]",
    "space.mixer=[softmax,depthwise_conv]",
    "space.num_heads=[1]",
    "space.precision=[float]",
    "training.steps=20",
    "training.batch_size=8",
    "profile.networks=2",
)
WRITE_TEXTS = """
from pathlib import Path
from tests.supernet.tasks.samples import sample
sample("gutenberg", Path("."))
"""
LEFT_OUT = (".lock", ".html", ".png", ".md", "hydra.yaml", "candidates.csv")


def commands(tiny: list[str]) -> dict[str, list[str]]:
    """Return what is run, in its order: two searches that share a supernet, a finetuning, and a language model."""
    return {
        "run": ["run", *tiny, FORMATS],
        "finetune": ["finetune", *tiny, "finetune.steps=20"],
        "by_tpe": ["report", *tiny, *LESS, "name=by_tpe", "search=tpe"],
        "text": ["run", *tiny, *TEXT, *LESS, FORMATS],
    }


def keeps(path: Path) -> bool:
    """Return whether a file is kept: what is read again, apart from the moments of a finished finetuning."""
    return path.is_file() and not path.name.endswith(LEFT_OUT) and not path.parent.name.startswith("training-")


def make(version: str) -> None:
    """Write ``<version>/outputs.tar.xz`` and ``<version>/commands.json``."""
    with tempfile.TemporaryDirectory() as temporary:
        source, work = Path(temporary, "source"), Path(temporary, "work")
        source.mkdir()
        work.mkdir()
        archive = subprocess.run(
            ["git", "archive", COMMITS[version]], cwd=HERE.parents[1], check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)
        environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONSAFEPATH": "1"}

        def python(*arguments: str) -> str:
            called = [sys.executable, *arguments]
            return subprocess.run(
                called, cwd=work, env=environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout

        tiny = json.loads(python("-c", "import json; from tests.runs.tiny import TINY; print(json.dumps(TINY))"))
        python("-c", WRITE_TEXTS)
        called = commands(tiny)
        for words in called.values():
            python("-m", PROGRAMS[version], *words)
        folder = HERE / version
        folder.mkdir(exist_ok=True)
        (folder / "commands.json").write_text(json.dumps(called, indent=2) + "\n")
        with tarfile.open(folder / "outputs.tar.xz", "w:xz") as tar:
            for path in filter(keeps, sorted(work.rglob("*"))):
                tar.add(path, path.relative_to(work), filter=anonymous)


def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return an entry without the names of a user and of the day."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    make(sys.argv[1])
