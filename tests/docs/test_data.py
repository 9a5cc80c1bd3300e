"""The page on data: its tables are written from the declarations, and its commands read the data that they name."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runs.app.compose import compose
from runs.pipeline.context import task_data
from search_space.errors import ConfigError
from supernet.catalogue.__main__ import main
from supernet.catalogue.task_options import with_options
from supernet.readers.conll import read_conll
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import (
    labelled_series,
    series,
    table_rows,
    texts,
    write_clips,
    write_conll,
    write_dataset,
    write_pictures,
    write_table,
    write_tagged_dataset,
    write_ts,
)

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
BLOCKS = re.findall(r"^## (.*?)\n.*?```bash\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_options_are_fresh(tmp_path):
    assert with_options(PAGE.read_text()) == PAGE.read_text(), (
        "run: python -m supernet.catalogue --options docs/data.md"
    )
    (tmp_path / "page.md").write_text(re.sub(r"(?s)(<!-- written.*?-->).*(<!-- end)", r"\1\2", PAGE.read_text()))
    main(["--options", str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text() == PAGE.read_text()
    with pytest.raises(ConfigError, match="without"):
        with_options("# another page")


def test_every_option_of_every_task_stands_there():
    parts = dict(re.findall(r"^### (\w+)\n(.*?)(?=^###|\Z|^<!--)", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    assert list(parts) == list(TASKS)
    for name, task in TASKS.items():
        assert re.findall(r"^\| `(\w+)`", parts[name], re.MULTILINE) == list(task.options)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """Work in a folder with the data that the page names."""
    monkeypatch.chdir(tmp_path)
    for name in ("birds", "digits"):
        write_pictures(tmp_path / name, n=20, classes=("robin", "wren"))
    birds = [f"train/{kind}/{i}.png" for kind in ("robin", "wren") for i in range(20)]
    lines = [f"{bird},{('red', 'small', 'red|small')[i % 3]}" for i, bird in enumerate(birds)]
    (tmp_path / "seen.csv").write_text("\n".join(["file,label", *lines]) + "\n")
    rows = texts(60)
    topics = ["|".join(("travel", "food")[: i % 3]) for i in range(len(rows))]
    posts = [f"{t},{topics[i]},{i % 2},{int(i % 5 == 0)}" for i, (t, _) in enumerate(rows)]
    (tmp_path / "posts.csv").write_text("\n".join(["text,label,rude,threat", *posts]) + "\n")
    dates = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(len(rows))]
    lines = [
        ("text", "label", "body", "folder", "date"),
        *((t, y, t, y, d) for (t, y), d in zip(rows, dates, strict=True)),
    ]
    (tmp_path / "mails.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in rows))
    write_dataset(tmp_path / "reviews", {"train": texts(60), "test": texts(30, seed=1), "unsupervised": texts(9)})
    write_clips(tmp_path / "sounds")
    write_tagged_dataset(tmp_path / "news", read_conll(write_conll(tmp_path / "a.conll"), word=1, label=4))
    write_conll(tmp_path / "names.conll")
    write_conll(tmp_path / "trees.conllu")
    (tmp_path / "book.txt").write_text("It was a dark and stormy night. " * 200)
    for name in ("Waves_TRAIN", "Waves_TEST"):
        write_ts(tmp_path / f"{name}.ts", labelled_series(60, uneven=name == "Waves_TEST"))
    waves = labelled_series(60)
    (tmp_path / "waves.csv").write_text(
        f"{','.join(f't{i}' for i in range(24))},kind\n"
        + "".join(f"{','.join(map(str, values[:, 0]))},{label}\n" for values, label in waves)
    )
    (tmp_path / "steps.csv").write_text(
        "id,t,a,b,label\n"
        + "".join(f"{i},{t},{a},{b},{y}\n" for i, (x, y) in enumerate(waves) for t, (a, b) in enumerate(x.tolist()))
    )
    x, y = np.stack([values for values, _ in waves]), np.array([label for _, label in waves])
    np.savez(tmp_path / "waves.npz", x_train=x, y_train=y, x_test=x + 0.01, y_test=y)
    people = [
        {
            "id": str(i),
            "district": str(i % 7),
            "household": f"h{i // 3}",
            **{"moves" if k == "label" else k: v for k, v in row.items()},
        }
        for i, row in enumerate(table_rows(120))
    ]
    write_table(tmp_path / "people.csv", people)
    values = series(1200).round(3).tolist()
    (tmp_path / "load.csv").write_text(
        "date,demand,wind,sun\n" + "".join(f"day {i},{','.join(map(str, row))}\n" for i, row in enumerate(values))
    )


@pytest.mark.parametrize("title, block", BLOCKS, ids=[title for title, _ in BLOCKS])
def test_the_commands_of_a_kind_of_data_read_it(title, block, there):
    commands = [shlex.split(line, comments=True) for line in block.replace("\\\n", "").strip().splitlines()]
    assert len(commands) <= 5
    for program, *words in commands:
        if program == "python":
            subprocess.run([sys.executable, *words], check=True)
        else:
            assert (program, words[0]) == ("nasweave", "run")
            data = task_data(compose(overrides=words[1:]))
            assert len(data.test) and data.summary.facts and data.summary.examples


def test_each_kind_of_data_has_its_commands():
    assert len(BLOCKS) == 12
    named = {word for _, block in BLOCKS for word in re.findall(r"task=(\w+)", block)}
    assert named == {"audio_folder", "csv", "image_folder", "labelled_series", "npz", "table", "text", "token_labels"}
