"""Every way in which a database fails is one line that names it and says what to do."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import Pool

from runs.store import ExportDetail, Run, Store
from runs.store.failures import clear_errors
from search_space.errors import StoreError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nasweave.db"


def open_run(store: Store) -> Run:
    return store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")


def line(caught: pytest.ExceptionInfo[StoreError]) -> str:
    text = str(caught.value)
    assert "\n" not in text and "expected" in text and "; " in text
    return text


def test_locked(file: Path) -> None:
    with Store.open(f"sqlite:///{file}", busy_timeout_s=0.05) as store:
        run = open_run(store)
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            store.finish_stage(run.id, "train", fingerprint="a", detail={})
        text = line(caught)
        assert str(file) in text and "database is locked" in text and "PostgreSQL" in text
        other.execute("COMMIT")
        other.close()
        assert store.finish_stage(run.id, "train", fingerprint="a", detail={}).fingerprint == "a"


def test_locked_while_opening(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="database is locked"):
        Store.open(f"sqlite:///{file}", busy_timeout_s=0.05)
    other.close()
    Store.open(f"sqlite:///{file}").close()


def test_full_disk(file: Path) -> None:
    with Store.open(f"sqlite:///{file}") as store:
        run = open_run(store)

        def fill(connection: Any, entry: object) -> None:
            connection.execute("PRAGMA max_page_count=1")  # that is: no page beyond those in use

        event.listen(Pool, "connect", fill)
        stored = 0
        try:
            with pytest.raises(StoreError) as caught:
                for index in range(100):
                    store.add_measurement("p", str(index), payload={"text": "x" * 3000})
                    stored += 1
        finally:
            event.remove(Pool, "connect", fill)
        assert "database or disk is full" in line(caught) and "continues where it stopped" in line(caught)
        assert len(store.measurements("p")) == stored < 100
        assert store.add_measurement("p", str(stored), payload={}) is True
        assert store.runs() == [run]


def test_read_only(file: Path) -> None:
    with Store.open(f"sqlite:///{file}") as store:
        run = open_run(store)
    with Store.open(f"sqlite:///file:{file}?mode=ro&uri=true") as store:
        assert store.runs() == [run]
        with pytest.raises(StoreError) as caught:
            store.add_export(run.id, "k", folder="e", detail=ExportDetail(formats=()))
        assert "readonly database" in line(caught) and "write permission" in line(caught)


def test_no_database(file: Path) -> None:
    content = b"epoch,loss\n" * 500
    file.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Store.open(f"sqlite:///{file}")
    assert "file is not a database" in line(caught) and "move that file away" in line(caught)
    assert file.read_bytes() == content


def test_damaged_database(file: Path) -> None:
    with Store.open(f"sqlite:///{file}") as store:
        open_run(store)
    content = bytearray(file.read_bytes())
    content[100:4096] = bytes(len(content[100:4096]))
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"an intact database.*malformed.*restore the file"):
        Store.open(f"sqlite:///{file}")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        Store.open(f"sqlite:///{tmp_path}/file/nasweave.db")
    assert "check the path" in line(caught)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"unable to open database file.*check the path"):
        Store.open(f"sqlite:///{tmp_path}")


def test_deleted_under_our_feet(file: Path) -> None:
    with Store.open(f"sqlite:///{file}") as store:
        run = open_run(store)
        file.unlink()
        with pytest.raises(StoreError) as caught:
            store.finish_stage(run.id, "train", fingerprint="a", detail={})
        assert "was the database replaced" in line(caught)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("outputs/nasweave.db", "sqlite:///folder/file.db"),
        ("", "sqlite:///folder/file.db"),
        ("mysql://user:secret@host/db", "got mysql"),
        ("sqlite://", "SQLite in memory"),
        ("sqlite:///:memory:", "SQLite in memory"),
        ("postgresql://user:secret@host:port/db", "sqlite:///folder/file.db"),
    ],
)
def test_urls_that_name_no_supported_database(url: str, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(url)
    assert line(caught).startswith("store.url: ") and said in line(caught) and "secret" not in line(caught)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_missing_driver(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError) as caught:
        Store.open(f"{scheme}://user:secret@localhost/nasweave")
    assert "pip install 'nasweave[postgresql]'" in line(caught) and "secret" not in line(caught)


def test_unreachable_server() -> None:
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed")
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql://user:secret@127.0.0.1:1/nasweave")
    text = line(caught)
    assert "Connection refused" in text and "start the server" in text
    assert "127.0.0.1:1" in text and "secret" not in text


class ServerError(Exception):
    """Stands for psycopg's errors, which carry the server's code."""

    def __init__(self, sqlstate: str | None, message: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(message)


@pytest.mark.parametrize(
    ("sqlstate", "message", "remedy"),
    [
        (None, "connection failed: Connection refused\nIs the server running?", "start the server"),
        (None, 'FATAL: password authentication failed for user "a"', "check user and password"),
        (None, 'FATAL: role "a" does not exist', "check user and password"),
        (None, 'FATAL: database "nas" does not exist', "createdb"),
        ("57P01", "terminating connection due to administrator command", "start the server"),
        ("53100", "could not extend file: No space left on device", "free disk space"),
        ("53300", "too many connections", "free disk space or connections"),
        ("25006", "cannot execute INSERT in a read-only transaction", "primary server"),
        ("42501", "permission denied for schema public", "grant it"),
        ("55P03", "canceling statement due to lock timeout", "stop the other process"),
        ("42P01", 'relation "nasweave_runs" does not exist', "was the database replaced"),
        ("XX000", "cache lookup failed", "report this line"),
    ],
)
def test_what_a_server_answers(sqlstate: str | None, message: str, remedy: str) -> None:
    with pytest.raises(StoreError) as caught, clear_errors("postgresql://host/db"):
        raise OperationalError("SELECT 1", {}, ServerError(sqlstate, message))
    text = line(caught)
    assert text.startswith("postgresql://host/db: ") and remedy in text and message.splitlines()[0] in text


def test_our_own_bugs_are_not_hidden() -> None:
    with pytest.raises(KeyError), clear_errors("here"):
        raise KeyError("bug")


def test_a_password_is_never_shown(file: Path) -> None:
    with Store.open(f"sqlite:///{file}") as store:
        assert repr(store) == f"Store('sqlite:///{file}')"


def test_nothing_beside_the_database_remains(file: Path) -> None:
    with Store.open(f"sqlite:///{file}") as store:
        open_run(store)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    shutil.copy(file, file.with_name("copy.db"))
    with Store.open(f"sqlite:///{file.parent}/copy.db") as store:
        assert len(store.runs()) == 1
