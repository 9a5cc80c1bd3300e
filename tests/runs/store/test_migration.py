"""Migrations arrive at the models, go back, and leave Optuna's tables alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from runs.store import Store
from runs.store.migration import VERSION_TABLE, migration_config
from runs.store.tables import PREFIX, Base
from search_space.errors import StoreError


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    Store.open(url).close()
    engine = create_engine(url)
    yield engine
    engine.dispose()


def differences(connection: Connection) -> list[object]:
    def ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or (name is not None and name.startswith(PREFIX))

    opts = {"version_table": VERSION_TABLE, "compare_type": True, "include_name": ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=opts), Base.metadata))


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_migrations_arrive_at_the_models(engine: Engine) -> None:
    assert tables(engine) == {*Base.metadata.tables, VERSION_TABLE}
    with engine.connect() as connection:
        assert differences(connection) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE nasweave_candidates ADD COLUMN colour TEXT",
        "ALTER TABLE nasweave_runs DROP COLUMN space_json",
        "DROP INDEX ix_nasweave_exports_run_id_key",
        "DROP TABLE nasweave_measurements",
    ],
)
def test_a_difference_would_be_seen(engine: Engine, change: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    with engine.connect() as connection:
        assert len(differences(connection)) >= 1


def test_down_and_up_again(url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(migration_config(connection), "base")
    assert tables(engine) == {VERSION_TABLE}
    with Store.open(url) as store:
        store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")
    with engine.connect() as connection:
        assert differences(connection) == []


def test_opening_again_keeps_everything(url: str) -> None:
    with Store.open(url) as store:
        run = store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")
    with Store.open(url) as store:
        assert store.runs() == [run]


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"revision 9999 of a newer nasweave; pip install --upgrade nasweave"):
        Store.open(url)
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "9999"


def test_a_failed_migration_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade_and_fail(config: object, revision: str) -> None:
        upgrade(config, revision)
        raise KeyboardInterrupt

    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", upgrade_and_fail)
    with pytest.raises(KeyboardInterrupt):
        Store.open(url)
    engine = create_engine(url)
    assert tables(engine) == set()
    engine.dispose()
    monkeypatch.undo()
    Store.open(url).close()


def optimise(url: str) -> list[float]:
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(
        storage=storage, study_name="s", load_if_exists=True, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    values = [trial.value for trial in study.trials]
    storage.remove_session()
    storage.engine.dispose()
    return values


@pytest.mark.parametrize("first", ["optuna", "nasweave"])
def test_optuna_shares_the_database(url: str, first: str) -> None:
    if first == "optuna":
        if url.startswith("sqlite"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True)
        before = optimise(url)
    with Store.open(url) as store:
        run = store.open_run("a", task="t", name="n", space_fingerprint="f", space_json="{}")
        if first == "nasweave":
            before = optimise(store.url)
        values = optimise(store.url)
        assert values[:2] == before and len(values) == 4
        assert store.runs() == [run]
    engine = create_engine(url)
    assert {"alembic_version", "trials", "studies", VERSION_TABLE, "nasweave_runs"} <= tables(engine)
    with engine.begin() as connection:
        assert differences(connection) == []
        command.downgrade(migration_config(connection), "base")
    engine.dispose()
    assert len(optimise(url)) == 6
