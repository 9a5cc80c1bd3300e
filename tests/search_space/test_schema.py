"""Checks of data of unknown origin: what is no such value raises one error, which names the field."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space.schema import (
    MalformedError,
    file_path,
    file_word,
    integer,
    is_file_name,
    items,
    moment,
    number,
    one_of,
    optional,
    parse_json,
    read_file,
    record,
    scalar,
    shown,
    table,
    text,
    word,
)

LAYER = record({"key": word, "size": integer(1, 10), "ratio": number(0.0, 2.0)}, may_lack=("ratio",))
WHOLE = record({"schema": one_of(1), "layers": items(LAYER, most=3), "about": table(text(), optional(scalar), most=2)})
GOOD = {"schema": 1, "layers": [{"key": "mlp", "size": 3}, {"key": "a", "size": 1, "ratio": 2}], "about": {"x": None}}


def test_what_fits_is_returned_with_its_types():
    assert WHOLE(GOOD) == {**GOOD, "layers": tuple(GOOD["layers"])}
    assert type(WHOLE(GOOD)["layers"][1]["ratio"]) is float


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": True}, "schema: expected 1"),
        ({"schema": 2}, "schema: expected 1"),
        ({"layers": None}, "layers: expected a list"),
        ({"layers": [GOOD["layers"][0]] * 4}, "layers: expected a list of 0 to 3"),
        ({"layers": [{"key": "a", "size": 1}, {"key": "a", "size": 1.0}]}, r"layers\[1\]\.size: expected an integer"),
        ({"layers": [{"key": "a", "size": 10**400}]}, r"layers\[0\]\.size: .* a number of many digits"),
        ({"layers": [{"key": "a", "size": 1, "ratio": float("nan")}]}, r"layers\[0\]\.ratio: expected a number"),
        ({"layers": [{"key": "a", "size": 1, "ratio": 10**400}]}, r"layers\[0\]\.ratio: expected a number"),
        ({"layers": [{"key": "../a", "size": 1}]}, r"layers\[0\]\.key: expected a name"),
        ({"layers": [{"size": 1}]}, r"layers\[0\]\.key: expected a value, got none"),
        ({"layers": [{"key": "a", "size": 1, "more": 1}]}, r"layers\[0\]: expected no field 'more'"),
        ({"about": {"x": "two\nlines"}}, r"about\.x: expected a line"),
        ({"about": {"x": "\ud800"}}, r"about\.x: expected a line"),
        ({"about": dict.fromkeys("abc")}, "about: expected at most 2"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], words: str):
    with pytest.raises(MalformedError, match=words) as caught:
        WHOLE({**GOOD, **change})
    assert len(str(caught.value)) < 300 and str(caught.value).isprintable()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VALUES)
def test_no_value_raises_anything_else(value: Any):
    for check in (WHOLE, LAYER, word, file_word, file_path, moment, scalar, text(), number(), integer(0, 9)):
        try:
            check(value)
        except MalformedError as error:
            assert len(str(error)) < 400
    assert len(shown(value)) < 200


@pytest.mark.parametrize("name", ["a", "model.onnx", "données.csv", "x" * 200, ".hidden", "a b", "run=3,4@b+c"])
def test_names_of_files(name: str):
    assert is_file_name(name) and file_path(f"folder/{name}") == f"folder/{name}"


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "a/b", "/a", "a\\b", "C:", "a\0", "a\nb", "x" * 201, "é" * 101, "NUL", "com1.txt", "a.", "a "),
        *("a?", "a|b", "\ud800", "\u202ea", 3),
    ],
)
def test_what_names_no_file_on_some_system_or_leads_elsewhere(name: Any):
    assert not is_file_name(name)
    with pytest.raises(MalformedError):
        file_word(name)


@pytest.mark.parametrize("path", ["../a", "a/../b", "/a", "a//b", "./a", "a/", "a/..", "x/" * 300 + "x", None])
def test_paths_stay_inside_their_folder(path: Any):
    with pytest.raises(MalformedError, match="inside the folder"):
        file_path(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", "[" * 100_000, '{"a":' * 100_000, '{"a": 1, "a": 2}', "NaN", "[-Infinity]", "1" * 5000, 3],
)
def test_texts_that_say_nothing(content: str | bytes):
    with pytest.raises(MalformedError):
        parse_json(content)
    assert parse_json(json.dumps(GOOD)) == GOOD


def test_only_files_of_a_known_size_are_read(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"123")
    os.mkfifo(tmp_path / "pipe")
    assert read_file(tmp_path / "file", most_bytes=3) == b"123"
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises((MalformedError, IsADirectoryError)):
            read_file(path, most_bytes=3)
    with pytest.raises(MalformedError, match="at most 2 bytes"):
        read_file(tmp_path / "file", most_bytes=2)
