"""The commands of docs/language.md run in small: from text to a program that writes and says how fast."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

from hardware_profiles.portable.bare import only_packages
from hardware_profiles.portable.exported_folder import fresh_command
from tests.runs.tiny import TINY, nasweave

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
(BLOCK,) = re.findall(r"<!-- run by CI in small -->\n```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
SMALL = ("task.options.context=32", "space.embed_dim=[8]", "space.depth=[1]", "space.num_heads=[1]")
LESS = ("search.n_trials=4", "baselines.random=1", "baselines.uniform=1", "finalists=1", "profile.networks=2")
SHORT = ("profile.max_seconds=0.01", "training.steps=10", "training.batch_size=8", "sensitivity=false")


def test_the_commands_run(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("books").mkdir()
    Path("books/a.txt").write_text("It was a dark and stormy night; the rain fell in torrents. " * 150)
    join, run, *write = [shlex.split(line) for line in BLOCK.strip().splitlines()]
    assert join == ["cat", "books/*.txt", ">", "book.txt"]
    Path("book.txt").write_text("".join(path.read_text() for path in Path("books").glob("*.txt")))
    given = [
        word for word in run[2:] if not word.startswith(("time_budget", "space.embed", "space.depth", "space.num"))
    ]
    tiny = [word for word in TINY if not word.startswith(("space.mixer", "space.head"))]
    own = [word for word in given if "context" not in word]
    assert nasweave(monkeypatch, run[1], *tiny, *own, *SMALL, *LESS, *SHORT, "export.formats=[onnx]") == 0, (
        capfd.readouterr().err
    )
    (folder,) = Path("outputs/text/writer/exports").iterdir()
    with only_packages(("numpy", "onnxruntime")) as packages:
        for command in write:
            assert command[:2] == ["python", "outputs/text/writer/exports/*/generate.py"]
            words = [word if word not in ("2", "200") else {"2": "0.05", "200": "9"}[word] for word in command[2:]]
            program = fresh_command(folder / "generate.py", words, path=[str(packages)])
            out = subprocess.run(program, capture_output=True, timeout=60, check=True).stdout
            if "--measure" in words:
                assert 0 < json.loads(out)["cache_bytes"] <= 100_000 and json.loads(out)["decode_ms"] > 0
            else:
                assert out.startswith(b"It was") and len(out) >= 6 + 9
