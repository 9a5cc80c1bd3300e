"""The grammar of the command line, apart from any configuration."""

from __future__ import annotations

import pytest

from runs.app.arguments import Override, elements, parse_arguments
from runs.app.verb import Word
from search_space.errors import ConfigError

OWN = (
    Word(name="what", key="bench.what", help="", positional=True),
    Word(name="path", key="bench.path", help="", positional=True),
    Word(name="time_budget", key="profile.time_budget", help=""),
    Word(name="json", key="bench.json", help="", flag=True),
)


def parsed(*words: str) -> list[tuple[str, str | None]]:
    return [(o.key, o.value) for o in parse_arguments(words, verb="bench", own=OWN).overrides]


@pytest.mark.parametrize(
    ("words", "overrides"),
    [
        (("name=a=b",), [("name", "a=b")]),
        (("name=",), [("name", "")]),
        (("name=a\nb",), [("name", "a\nb")]),
        (("time_budget=5m", "--json"), [("profile.time_budget", "5m"), ("bench.json", "true")]),
        (("export", "outputs/a (1)"), [("bench.what", "export"), ("bench.path", "outputs/a (1)")]),
        (("export", "a/b-search.seed=1/x"), [("bench.what", "export"), ("bench.path", "a/b-search.seed=1/x")]),
        (("export", "path=x"), [("bench.what", "export"), ("bench.path", "x")]),
        (("export", "./~x"), [("bench.what", "export"), ("bench.path", "./~x")]),
        (("hydra/launcher=joblib",), [("hydra/launcher", "joblib")]),
        (("budget.latency_ms@phone=3",), [("budget.latency_ms@phone", "3")]),
        (("~budget",), [("budget", None)]),
    ],
)  # fmt: skip
def test_words_become_keys_and_values(words, overrides):
    assert parsed(*words) == overrides


def test_flags_are_understood():
    found = parse_arguments(["-m", "-cd", "mine", "a=1"], verb="run", own=())
    assert (found.multirun, found.config_dir, found.help) == (True, "mine", False)
    assert parse_arguments(["--config-dir=x", "--help", "--cfg", "job"], verb="run", own=()).show == "job"


@pytest.mark.parametrize(
    "words",
    [
        ("--experimental-rerun=FILE.pickle",),
        ("--experimental-rerun", "FILE.pickle"),
        ("--experimental-re=x",),
        ("--exp", "x"),
        ("--config-path=x",),
        ("-cp", "x"),
        ("--config-name", "x"),
        ("-cn=x",),
        ("--hydra-help",),
        ("--info", "all"),
        ("--run",),
        ("-r",),
        ("-mc", "job"),
        ("--multi",),
        ("--shell-completion", "install=bash"),
        ("-sc", "install=bash"),
        ("--version",),
        ("--package", "x"),
        ("--resolve",),
        ("--",),
        ("-",),
        ("--cfg", "all"),
        ("--cfg",),
        ("-cd",),
        ("--config-dir=",),
        ("--json=1",),
    ],
)
def test_every_other_flag_is_refused(words):
    with pytest.raises(ConfigError):
        parsed(*words)


@pytest.mark.parametrize("words", [("a", "b", "c"), ("+",), ("++x",), ("1",) * 3])
def test_what_is_no_word_is_refused(words):
    with pytest.raises(ConfigError, match="see nasweave bench --help"):
        parsed(*words)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("", [""]),
        ("a,b", ["a", "b"]),
        ("[a,b],[c]", ["[a,b]", "[c]"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ("l'a,l'b", ["l'a", "l'b"]),
        ("{a:1,b:2}", ["{a:1,b:2}"]),
        ("choice(1,2)", ["choice(1,2)"]),
        ("a(,b", ["a(", "b"]),
        ("'a\\',b',c", ["'a\\',b'", "c"]),
    ],
)
def test_commas_part_what_stands_outside_of_quotes_and_brackets(text, parts):
    assert elements(text) == parts


def test_an_override_reads_as_it_was_typed():
    assert str(Override(key="a.b", value="c d")) == "a.b=c d" and str(Override(key="a", value=None, prefix="~")) == "~a"
