"""A service over an SQLite file, asked within this process, and a run in it with networks that were not trained."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from runs.app.jobs.checking import answered
from runs.service.server.application import guarded
from runs.service.server.checking import Checker
from runs.service.server.service import Service
from runs.service.settings import ServerSettings
from runs.store import ExportDetail, Store, WeightOrigin
from search_space import SearchSpace

URL = "http://127.0.0.1"
SMALL: dict[str, Any] = {"name": "small", "task": "digits", "budget": {"latency_ms": 2.5}}


@dataclass
class Asked:
    """A service, and clients of it that have tokens of different scopes."""

    service: Service
    browser: TestClient  # without a token
    clients: dict[tuple[str, str], TestClient] = field(default_factory=dict)

    def as_(self, owner: str, scopes: str = "read,submit") -> TestClient:
        """Return a client with a token of its own."""
        if (owner, scopes) not in self.clients:
            token = self.service.tokens.make("token", owner=owner, scopes=scopes.split(","), seconds=600)
            client = TestClient(self.browser.app, base_url=URL, headers={"Authorization": f"Bearer {token}"})
            self.clients[owner, scopes] = client
        return self.clients[owner, scopes]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with all tables, to be copied: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("service") / "nasweave.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def checker() -> Iterator[Checker]:
    """Return what checks documents in this process: another takes seconds to begin, and is begun in `test_checks`."""
    with pytest.MonkeyPatch.context() as patch:
        one = Checker()
        patch.setattr(one, "_answer", lambda line: answered(json.loads(line)))
        yield one


@pytest.fixture
def asked(tmp_path: Path, empty_database: Path, checker: Checker) -> Iterator[Asked]:
    (tmp_path / "outputs").mkdir()
    shutil.copy(empty_database, tmp_path / "outputs" / "nasweave.db")
    service = replace(Service.open(ServerSettings(outputs=str(tmp_path / "outputs"), most_active=3)), checker=checker)
    try:
        yield Asked(service, TestClient(guarded(service), base_url=URL, raise_server_exceptions=False))
    finally:
        service.database.close()


@pytest.fixture
def ann(asked: Asked) -> TestClient:
    return asked.as_("ann")


@pytest.fixture
def key(ann: TestClient) -> str:
    return str(ann.post("/api/v1/runs", json=SMALL).json()["key"])


@pytest.fixture
def find(asked: Asked, space: SearchSpace) -> Callable[..., list[str]]:
    """Return what writes a number of networks, of falling error and rising latency, into a run; returns their keys."""

    def write(key: str, number: int, **other: float) -> list[str]:
        run = asked.service.submissions.get(key)
        assert run is not None
        with Store.open(asked.service.settings.url) as store:
            row = store.open_run(
                run.folder, task="digits", name=run.name, space_fingerprint="f", space_json=space.to_json()
            )
            genes = space.sample_genes(np.random.default_rng(0), 3 * number)
            networks = {a.key: a for a in space.decode(genes)}
            keys = list(networks)[:number]
            for n, network in enumerate(keys):
                values = {"validation_error": 50.0 - n, "latency_ms": 1.0 + n, "size_bytes": 1000.0, **other}
                store.put_candidate(
                    row.id, network, architecture=networks[network], values=values, predicted={}, source="search"
                )
        return keys

    return write


@pytest.fixture
def finished_export(asked: Asked, find: Callable[..., list[str]]) -> Callable[[str], tuple[str, Path]]:
    """Return what writes an export folder of one small file beside a network of a run."""

    def write(key: str) -> tuple[str, Path]:
        (network,) = find(key, 1)
        run = asked.service.submissions.get(key)
        assert run is not None
        folder = asked.service.folder(run.folder) / "exports" / network
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(b"weights")
        digest = hashlib.sha256(b"weights").hexdigest()
        manifest: dict[str, Any] = {"format": "nasweave.export", "schema": 1, "name": network, "models": {}}
        manifest["files"] = {"model.onnx": {"bytes": 7, "sha256": digest}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with Store.open(asked.service.settings.url) as store:
            (row,) = [r for r in store.runs() if r.folder == run.folder]
            detail = ExportDetail(formats=("onnx",), origin=WeightOrigin(supernet="f"), relative_norms={"onnx": 0.0})
            store.add_export(row.id, network, folder=network, detail=detail)
        return network, folder

    return write
