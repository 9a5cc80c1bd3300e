"""Values of a database that this program would not have written: one line, wherever they are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runs.store import Evaluations, ExportDetail, Store
from search_space.errors import StoreError
from tests.runs.store.conftest import ARCHITECTURE

NUMBERS = (
    "[]",
    "3",
    '{"latency_ms": "1"}',
    '{"latency_ms": null}',
    '{"a": 1, "a": 2}',
    '{"a": NaN}',
    "{",
    "[" * 100_000,
)
Read = Callable[[Store, int], Any]
CANDIDATES: Read = lambda store, run_id: store.candidates(run_id)  # noqa: E731
CASES: list[tuple[str, str, Any, Read]] = [
    *(("candidates", "objectives", text, CANDIDATES) for text in NUMBERS),
    *(("candidates", "predicted", text, CANDIDATES) for text in NUMBERS),
    *(("candidates", "final", text, CANDIDATES) for text in ("[]", '{"latency_ms": "x"}', '{"test_error": [1]}', "{")),
    *(("candidates", "key", text, CANDIDATES) for text in ("../../x", "", "a/b")),
    ("candidates", "trial_number", "many", CANDIDATES),
    ("candidates", "created_at", "yesterday", CANDIDATES),
    *(("candidates", "architecture_json", text, CANDIDATES) for text in ("{}", "[" * 100_000, "null")),
    ("stages", "detail", "[]", lambda store, run_id: store.stage(run_id, "train")),
    (
        "evaluations",
        "quality",
        '{"validation_error": "1"}',
        lambda store, run_id: Evaluations(store, context="c").known(),
    ),
    ("measurements", "payload", "7", lambda store, run_id: store.measurements("p")),
    ("exports", "detail", "{}", lambda store, run_id: store.exports(run_id)),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a database with a row in each table."""
    path = tmp_path_factory.mktemp("database") / "a.db"
    with Store.open(f"sqlite:///{path}") as store:
        run = store.open_run("digits/a", task="digits", name="a", space_fingerprint="f", space_json="{}")
        known = {"validation_error": 0.1, "latency_ms": 1.0}
        store.add_candidate(run.id, "k", architecture=ARCHITECTURE, values=known, predicted=known, source="search")
        store.set_final(run.id, "k", final={"latency_ms": 1.0, "weights": "x", "improved": True})
        store.finish_stage(run.id, "train", fingerprint="f", detail={"steps": 3})
        store.add_measurement("p", "s", payload={"latency_ms": 1.0})
        store.add_export(run.id, "k", folder="k", detail=ExportDetail(formats=("onnx",)))
        Evaluations(store, context="c").add("k", known)
        for _, _, _, read in CASES:
            assert read(store, run.id)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    return path.read_bytes()


@pytest.mark.parametrize(("table", "column", "value", "read"), CASES)
def test_what_is_damaged_is_said_in_one_line(table, column, value, read, whole: bytes, tmp_path: Path):
    path = tmp_path / "a.db"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE nasweave_{table} SET {column} = ?", (value,))
    with Store.open(f"sqlite:///{path}") as store, pytest.raises(StoreError) as caught:
        read(store, 1)
    assert len(str(caught.value)) < 1000 and str(caught.value).isprintable()
