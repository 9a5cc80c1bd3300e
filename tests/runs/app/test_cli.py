"""The command line: verbs found by their file, flags of a fixed list, one line for every mistake."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import runs.app.cli
from runs.app.verbs import VERBS
from tests.runs.tiny import nasweave

ADDED = "import runs.app.verbs as v, sys; v.__path__.append(sys.argv.pop(1)); from runs.app.cli import main; main()"
HELLO = '''
    """Greet."""
    from runs.app.verb import Verb, Word

    def run(call):
        {body}

    VERB = Verb(help="Greet whoever is named", run=run, words=(Word(name="whom", key="name", help="who it is"),))
'''


def with_verb(folder: Path, *words: str, body: str = 'print("hello", call.config.name)', **environment: str):
    (folder / "verbs").mkdir(exist_ok=True)
    (folder / "verbs/greet.py").write_text(textwrap.dedent(HELLO).format(body=body))
    return subprocess.Popen(
        [sys.executable, "-c", ADDED, "verbs", *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_verb_is_one_file_and_shows_in_the_help(tmp_path):
    out, err = with_verb(tmp_path, "--help").communicate()
    assert re.search(r"greet +Greet whoever is named", out), err
    out, err = with_verb(tmp_path, "greet", "--help").communicate()
    assert "usage: nasweave greet" in out and re.search(r"whom= +who it is \(name\)", out), err
    out, err = with_verb(tmp_path, "greet", "whom=you").communicate()
    assert out == "hello you\n", err
    assert (tmp_path / "outputs/digits/you/.hydra/config.yaml").exists()


def test_the_command_line_names_no_verb():
    names = "|".join(VERBS)
    for module in ("cli", "arguments", "execute", "help", "multirun", "compose", "schema/keys"):
        code = (Path(runs.app.cli.__file__).parent / f"{module}.py").read_text()
        assert not re.search(rf"[\"']({names})[\"']", code), module


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]])
def test_the_help_names_every_verb_and_loads_no_torch(words):
    code = (
        f"import sys; sys.argv = ['nasweave', *{words}]; import runs.app.cli as c; c.main(); print(sorted(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    help_text, _, modules = out.rpartition("\n[")
    if len(words) == 1:
        for name, verb in VERBS.items():
            assert f"  {name}" in help_text and verb.help.split()[0] in help_text
    assert not {"'torch'", "'hydra'", "'omegaconf'", "'sqlalchemy'"} & set(modules.rstrip("]\n").split(", "))


@pytest.mark.parametrize("name", sorted(VERBS))
def test_the_help_of_a_verb_shows_its_words_the_groups_and_all_keys(name, monkeypatch, capsys):
    assert nasweave(monkeypatch, name, "--help") == 0
    out = capsys.readouterr().out
    for word in VERBS[name].words:
        assert f"--{word.name}" in out if word.flag else f"{word.name}=" in out
    for text in ("vit_mixed", "finalists: 24", "n_trials: 200", "training.ema_decay=0.995", "workers.grace_s=60.0"):
        assert text in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "verb: expected one of bench,"),
        (("train", "--experimental-rerun=job.pickle"), "flag: expected one of --help"),
        (("train", "--experimental-re", "job.pickle"), "flag: expected one of --help"),
        (("train", "+hydra.callbacks.x._target_=os.system"), "hydra.callbacks.x._target_: expected a setting of Hydra"),
        (("train", "hydra.sweeper._target_=os.system"), "hydra.sweeper._target_: expected"),
        (("train", "-m", "hydra.launcher._target_=os.system", "search.seed=1,2"), "hydra.launcher._target_: expected"),
        (("train", "++hydra.job_logging.handlers.x.class=os.system"), "hydra.job_logging.handlers.x.class: expected"),
        (("train", "hydra/callbacks=x"), "hydra/callbacks: expected"),
        (("train", "hydra={callbacks:{x:{_target_:os.system}}}"), "hydra: expected"),
        (("train", "hydra.searchpath=[x]"), "hydra.searchpath: expected"),
        (("train", "hydra.run.dir=/x"), "hydra.run.dir: expected"),
        (("train", "name=.."), "name: expected letters"),
        (("train", "outputs="), "outputs: expected a folder"),
        (("train", "search.n_trails=3"), "write search.n_trials=3"),
        (("train", "nonsense"), "train: expected key=value, got 'nonsense'; see nasweave train --help"),
    ],
)
def test_a_mistake_is_one_line(words, said, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert nasweave(monkeypatch, *words) == 2
    err = capsys.readouterr().err
    assert err.startswith("nasweave: ") and err.count("\n") == 1 and said in err
    assert not list(tmp_path.iterdir()), "nothing is written"


@pytest.mark.parametrize("size", ["abc", "", "-1", "0", "1.5"])
def test_a_world_size_that_is_no_number_is_one_line(size, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", size)
    assert nasweave(monkeypatch, "train") == 2
    assert capsys.readouterr().err == f"nasweave: WORLD_SIZE: expected a number of processes, got {size!r}; unset it\n"


@pytest.mark.parametrize("name", sorted(VERBS))
def test_only_verbs_that_say_so_run_in_several_processes(name, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    code = nasweave(monkeypatch, name, "name=..")
    err = capsys.readouterr().err
    assert code == 2 and ("without torchrun" in err) == (not VERBS[name].several_processes)


def test_sigterm_is_as_ctrl_c(tmp_path):
    body = 'import time; print("begun", flush=True); time.sleep(120)'
    process = with_verb(tmp_path, "greet", body=body)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == "nasweave: interrupted; the same command continues\n"


SECRETS = ["MARKED", "MAR#KED", "a:MARKED", "MARKED%40x"]


@pytest.mark.parametrize(
    "url",
    [
        *(f"postgresql://me:{secret}@127.0.0.1:1/x" for secret in SECRETS),
        "postgresql://127.0.0.1:1/x?user=me&password=MARKED",
        "postgresql:/me:MARKED@127.0.0.1:1/x",
        "sqlite:///outputs/x.db?password=MARKED",
    ],
)
def test_a_password_stands_in_nothing_that_is_written_or_printed(url, tmp_path):
    body = """
        import logging, sys
        from runs.store import Store
        logging.getLogger("nasweave.runs").warning("opening %s", call.config.store)
        print(call.command.text, call.command.export)
        call.reporter.message(call.command.text)
        try: Store.open(call.config.store).runs()
        except Exception as error:
            print(error)
            raise
        raise RuntimeError("cannot use " + call.config.store)"""
    for words in (("greet",), ("greet", "-m", "search.seed=1,2")):
        out, err = with_verb(
            tmp_path, *words, f"store={url}", body=textwrap.dedent(body).replace("\n", "\n    ")
        ).communicate()
        assert "MAR" not in out + err and "KED" not in out + err
        assert "store=" in out and "***" in out
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name not in ("verbs", "__pycache__"):
            assert b"MARKED" not in path.read_bytes() and b"KED@" not in path.read_bytes(), path


def test_the_database_may_come_from_the_environment(tmp_path):
    url = "sqlite:///elsewhere/x.db"
    body = "print(call.config.store)"
    out, err = with_verb(tmp_path, "greet", body=body, NASWEAVE_STORE=url).communicate()
    assert out == f"{url}\n", err
    out, _ = with_verb(tmp_path, "greet", "store=sqlite:///y.db", body=body, NASWEAVE_STORE=url).communicate()
    assert out == "sqlite:///y.db\n"


def test_the_whole_configuration_is_shown_without_passwords(monkeypatch, capsys):
    assert nasweave(monkeypatch, "run", "--cfg", "job", "store=postgresql://me:MARKED@h/x", "finalists=3") == 0
    out = capsys.readouterr().out
    assert "store: postgresql://me:***@h/x" in out and "finalists: 3" in out and "ema_decay: 0.995" in out
