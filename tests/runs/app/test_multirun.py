"""Multiruns: a job a combination, a folder a run, and nothing called that a user's options name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runs.app.verb import Verb
from runs.app.verbs import VERBS
from tests.runs.tiny import nasweave


@pytest.fixture
def calls(monkeypatch, tmp_path):
    found: list = []
    monkeypatch.chdir(tmp_path)
    original = type(VERBS).__getitem__
    seen = Verb(help="x", run=found.append)
    monkeypatch.setattr(type(VERBS), "__getitem__", lambda self, key: seen if self is VERBS else original(self, key))
    return found


def test_every_combination_is_a_run_of_its_own(calls, monkeypatch):
    words = (
        "-m",
        "name=s",
        "search.seed=1,2",
        "space=vit_tiny,vit_softmax",
        "finalists=3",
        "task.options.patch_size=2",
    )
    assert nasweave(monkeypatch, "search", *words) == 0
    folders = [str(call.folder) for call in calls]
    assert folders == [
        f"outputs/digits/s-search.seed-{seed}-space-{space}" for seed in (1, 2) for space in ("vit_tiny", "vit_softmax")
    ]
    assert [call.config.search.seed for call in calls] == [1, 1, 2, 2]
    assert "search.seed=2" in calls[-1].command.text and "space=vit_softmax" in calls[-1].command.text
    assert "finalists=3" in calls[0].command.text and "++" not in calls[0].command.text
    assert {p.name for p in Path("outputs/digits").iterdir() if p.is_dir()} == {Path(f).name for f in folders}


def test_what_makes_no_other_run_makes_no_other_folder(calls, monkeypatch):
    assert nasweave(monkeypatch, "export", "-m", "key=best,fastest") == 0
    assert [str(call.folder) for call in calls] == ["outputs/digits/default"] * 2
    assert [call.config.key for call in calls] == ["best", "fastest"]


def test_paths_may_be_swept(calls, monkeypatch):
    words = ("-m", "task=csv", "task.options.path=a (1).csv,b/c#=.csv")
    assert nasweave(monkeypatch, "search", *words) == 0
    assert [call.config.task.options["path"] for call in calls] == ["a (1).csv", "b/c#=.csv"]
    assert all(call.folder.parent == Path("outputs/csv") for call in calls)


def test_compare_takes_the_names_of_a_sweep_as_the_documents_have_it(calls, monkeypatch):
    assert nasweave(monkeypatch, "search", "-m", "name=seeds", "search.seed=1,2") == 0
    page = Path(__file__).parents[3] / "docs/search_settings.md"
    (written,) = re.findall(r"compare=\[seeds[^\]]*\]", page.read_text())
    assert nasweave(monkeypatch, "report", written) == 0
    assert list(calls[-1].config.compare) == [call.folder.name for call in calls[:-1]]
    assert nasweave(monkeypatch, "report", "compare=[a-search.seed=1,b c]") == 0
    assert calls[-1].config.compare == ("a-search.seed=1", "b c")


OPEN = "{_target_: builtins.open, file: called, mode: w}"
HOSTILE = {
    "space/x.yaml": "# @package _global_\nhydra: {callbacks: {x: " + OPEN + "}}\n",
    "own/x.yaml": "# @package hydra.sweeper\n_target_: os.getcwd\n",
    "other/x.yaml": "# @package hydra.launcher\n_target_: os.getcwd\n",
    "third/x.yaml": "# @package hydra.job_logging\nversion: 1\nhandlers: {x: " + OPEN.replace("_target_", "()") + "}\n",
    "fourth/x.yaml": "# @package hydra.sweeper\nparams: {x: " + OPEN + "}\n",
}


@pytest.mark.parametrize("path", HOSTILE)
def test_a_folder_of_options_calls_nothing(path, calls, monkeypatch, capsys):
    file = Path("mine", path)
    file.parent.mkdir(parents=True)
    file.write_text(HOSTILE[path])
    group = file.parent.name
    chosen = "space=vit_tiny,x" if group == "space" else f"+{group}=x"
    assert nasweave(monkeypatch, "search", "-m", "search.seed=1,2", "-cd", "mine", chosen) == 2
    assert not Path("called").exists() and not calls
    assert "hydra." in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("training.learning_rate=interval(0,1)",), ("space.mixer=[a,",), ("search.seed=1,(",)]
)
def test_values_that_cannot_be_swept_are_one_line(words, calls, monkeypatch, capsys):
    assert nasweave(monkeypatch, "search", "-m", *words) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not calls
