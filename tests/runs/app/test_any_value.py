"""Every key with every hostile value: legal, or one line that can be printed; and numbers have bounds."""

from __future__ import annotations

import re
import typing

import pytest

from runs.app.compose import compose
from runs.app.config import changed
from runs.app.schema.bounds import bound_of
from runs.app.schema.typed import hints_by_key
from runs.pipeline.config import Config
from search_space.errors import ConfigError
from tests.runs.app.fuzz_keys import NUMBERS, TEXTS, Fuzz, keys, pairs

_SHARE = 29  # of the pairs every so many one; the program tries all


def kinds(hint: typing.Any) -> set[typing.Any]:
    """Return the types that stand in a hint."""
    return {hint} | {kind for inner in typing.get_args(hint) for kind in kinds(inner)}


NUMERIC = [key for key, hint in hints_by_key(Config) if {int, float} & kinds(hint) and key != "task.options"]


@pytest.fixture(scope="module")
def config() -> Config:
    return compose(task="digits")


@pytest.fixture(scope="module")
def fuzz() -> Fuzz:
    return Fuzz()


def test_a_share_of_all_keys_and_values_ends_in_no_traceback(fuzz: Fuzz):
    every = [pair for pair in pairs() if not pair[0].startswith("hydra")]
    assert len(every) > 90 * len(keys()) / 2 and len(every) % len((*NUMBERS, *TEXTS)) == 0
    wrong = {f"{key}={value[:40]!r}": said for key, value in every[::_SHARE] if (said := fuzz.failure(key, value))}
    assert not wrong


def test_a_failure_would_be_seen(fuzz: Fuzz, monkeypatch):
    monkeypatch.setattr("tests.runs.app.fuzz_keys.built", lambda data: 1 / 0)
    assert "ZeroDivisionError" in (fuzz.failure("finalists", "3") or "")


@pytest.mark.parametrize("key", NUMERIC)
@pytest.mark.parametrize("value", [10**30, 10**5000, 1e300, float("inf")], ids=["10^30", "10^5000", "1e300", "inf"])
def test_a_number_beyond_its_bound_is_told_why(key: str, value: float, config: Config):
    bound = bound_of(key)
    assert bound is not None and bound.why
    several = {"search.fidelities.rungs", "bench.batch"}
    nested = {"budget": {"params": value}, "search.settings": {"batch": value}}
    given = nested.get(key, [1, value] if key in several else value)
    said = rf"^{re.escape(key)}.*at most .* \({re.escape(bound.why)}\), got .*; lower it"
    with pytest.raises(ConfigError, match=said):
        changed(config, {key: given})


@pytest.mark.parametrize("word", ["space.embed_dim=[16,1000000000]", "space.depth=[2000]", "space.head_dim=1e12"])
def test_sizes_of_blocks_have_bounds(word: str):
    with pytest.raises(ConfigError, match=r"^space\.\w+: expected at most"):
        compose(overrides=[word])


def test_a_message_is_one_line_that_can_be_printed_however_long_and_strange_what_came_is():
    said = str(ConfigError("a\x1b[31m\0", expected="b", got="c" * 10**6 + "\n\ud800", remedy="d\u2028"))
    assert said.isprintable() and len(said) < 1200 and "1000002 characters" in said and "\\x1b[31m" in said
    url = "word " * 190 + "postgresql://me:" + "MARKED" * 30 + "@host/x"
    assert "MARKED" not in str(ConfigError("a", expected="b", got=url, remedy="d"))
