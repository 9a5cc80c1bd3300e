"""The command line: verbs found by their file, flags of a fixed list, one line for every mistake."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import fields
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


def greeting(folder: Path, body: str) -> Path:
    """Return a folder with the verb greet, which does what ``body`` says."""
    verbs = folder / "verbs"
    verbs.mkdir(exist_ok=True)
    (verbs / "greet.py").write_text(textwrap.dedent(HELLO).format(body=textwrap.indent(body, "    ").lstrip()))
    return verbs


def with_verb(folder: Path, *words: str, body: str = 'print("hello", call.config.name)', **environment: str):
    greeting(folder, body)
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
    own, of_runs = (
        VERBS[name].settings,
        ("vit_mixed", "finalists: 24", "training.ema_decay=0.995", "workers.grace_s=60.0"),
    )
    for text in of_runs if own is None else (f"{field.name}=" for field in fields(own)):
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


@pytest.mark.parametrize("name", sorted(name for name, verb in VERBS.items() if verb.run is not None))
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
URLS = [
    *(f"postgresql://me:{secret}@127.0.0.1:1/x" for secret in SECRETS),
    "postgresql://127.0.0.1:1/x?user=me&password=MARKED",
    "postgresql:/me:MARKED@127.0.0.1:1/x",
    "sqlite:///outputs/x.db?password=MARKED",
]
JOBS = {"one": ("greet",), "several": ("greet", "-m", "search.seed=1,2")}
TELLS_THE_URL = """
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
# Command after command in one process, each in a folder of its own with what it prints beside that.
SEVERAL = """
import json, os, sys
import runs.app.verbs as v
v.__path__.append(sys.argv[1])
from runs.app.cli import main
for folder, words in json.loads(sys.argv[2]):
    os.makedirs(folder)
    os.chdir(folder)
    for stream, suffix in ((1, ".out"), (2, ".err")):
        printed = os.open(folder + suffix, os.O_WRONLY | os.O_CREAT)
        os.dup2(printed, stream)
        os.close(printed)
    sys.argv = ["nasweave", *words]
    try: main()
    except SystemExit as stop: print("ended with", stop.code)
    except BaseException: sys.excepthook(*sys.exc_info())
    sys.stdout.flush(), sys.stderr.flush()
"""


def several(base: Path, body: str, commands: dict[str, tuple[str, ...]], **environment: str) -> None:
    """Run commands with the verb greet, each in its folder under ``base``."""
    named = json.dumps([(str(base / folder), words) for folder, words in commands.items()])
    command = [sys.executable, "-c", SEVERAL, str(greeting(base, body)), named]
    subprocess.run(command, cwd=base, env={**os.environ, **environment}, check=True)


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Path:
    """Return where a verb that tells the URL of its database was called with each of them."""
    base = tmp_path_factory.mktemp("secrets")
    commands = {f"{i}/{name}": (*job, f"store={url}") for i, url in enumerate(URLS) for name, job in JOBS.items()}
    several(base, textwrap.dedent(TELLS_THE_URL), commands)
    return base


@pytest.mark.parametrize("url", URLS)
def test_a_password_stands_in_nothing_that_is_written_or_printed(url, told):
    folder = told / str(URLS.index(url))
    for job in JOBS:
        out, err = ((folder / f"{job}.{stream}").read_text() for stream in ("out", "err"))
        assert "MAR" not in out + err and "KED" not in out + err
        assert "store=" in out and "***" in out and out.endswith(("ended with 1\n", "ended with 2\n"))
        assert list((folder / job).rglob("config.yaml")), "the record of a run was written"
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"MARKED" not in path.read_bytes() and b"KED@" not in path.read_bytes(), path


def test_a_password_of_the_command_line_leaves_the_list_of_processes(tmp_path):
    url = "postgresql://me:MARKED@127.0.0.1:1/x"
    body = 'print(open("/proc/self/cmdline").read().split(chr(0))[-3:], call.config.store, call.command.text)'
    out, err = with_verb(tmp_path, "greet", "name=a", f"store={url}", body=body).communicate()
    shown = url.replace("MARKED", "***")
    assert out == f"['name=a', 'store={shown}', ''] {url} nasweave greet name=a 'store={shown}'\n", err
    out, err = with_verb(tmp_path, "greet", "name=a", f"store={shown}", body=body, NASWEAVE_STORE=url).communicate()
    assert f" {url} nasweave greet name=a" in out, "a command as it is printed works where the environment names it"


def test_the_database_may_come_from_the_environment(tmp_path):
    url = "sqlite:///elsewhere/x.db"
    commands = {"a": ("greet",), "b": ("greet", "store=sqlite:///y.db")}
    several(tmp_path, "print(call.config.store)", commands, NASWEAVE_STORE=url)
    assert (tmp_path / "a.out").read_text() == f"{url}\n", (tmp_path / "a.err").read_text()
    assert (tmp_path / "b.out").read_text() == "sqlite:///y.db\n"


def test_the_whole_configuration_is_shown_without_passwords(monkeypatch, capsys):
    assert nasweave(monkeypatch, "run", "--cfg", "job", "store=postgresql://me:MARKED@h/x", "finalists=3") == 0
    out = capsys.readouterr().out
    assert "store: postgresql://me:***@h/x" in out and "finalists: 3" in out and "ema_decay: 0.995" in out
