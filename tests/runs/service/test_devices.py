"""Devices: measurements of one become a profile that runs can name, and networks are predicted on known ones."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from starlette.testclient import TestClient

import nasweave as nw
from runs.service.server.application import guarded
from runs.service.server.uploads import Uploads
from tests.runs.service.conftest import URL

SHIPPED = "amd_epyc_2c_onnxruntime_t1_vit_tiny"
DOCUMENT = {"task": "digits"}


@pytest.fixture
def measuring(asked):
    """A client of a service that takes measurements."""
    settings = replace(asked.service.settings, upload_bytes=1)
    uploads = Uploads(settings, asked.service.datasets)
    asked.service = replace(asked.service, settings=settings, uploads=uploads)
    asked.browser = TestClient(guarded(asked.service), base_url=URL, raise_server_exceptions=False)
    return asked.as_("ann")


@pytest.fixture(scope="module")
def results():
    """Return the lines that the program of a bundle would write, from a profile that is shipped."""
    profile = nw.load_profile(SHIPPED)
    head = {"format": "nasweave.bundle_results", "schema": 1, "bundle": "0" * 16, "session": "1" * 16, "unit": "ms"}
    head |= {"device": {**asdict(profile.device), "name": "phone"}, "setting": asdict(profile.setting)}
    head |= {"runtime_version": profile.runtime_version, "space_fingerprint": profile.space_fingerprint}
    head |= {"confidence": 0.95, "baseline_ms": 1.0, "created_at": profile.created_at, "provenance": {}}
    rows = [{"name": f"m{n}", **m.to_dict(), "reference_ms": m.drift} for n, m in enumerate(profile.measurements)]
    return [head, *rows]


def text(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_measurements_are_a_profile_that_documents_can_name(measuring, results):
    made = measuring.post("/api/v1/devices", json={"document": DOCUMENT, "results": text(results)})
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["device"], told["count"]) == ("phone", len(results) - 1) and "+" in told["id"]
    assert told["id"] in [one["id"] for one in measuring.get("/api/v1/devices").json()]
    assert measuring.get("/new", params={"device": told["id"]}).status_code == 200
    named = {**DOCUMENT, "device": {"profile": told["id"]}}
    assert measuring.post("/api/v1/checks", json=named).json()["profile"].startswith("phone")
    assert measuring.post("/api/v1/runs", json=named).status_code == 201
    again = measuring.post("/api/v1/devices", json={"document": DOCUMENT, "results": text(results)})
    assert again.status_code == 422 and "imported before" in again.json()["got"]


@pytest.mark.parametrize(
    "change",
    [
        {"results": "{}\n"},
        {"results": "\x00"},
        {"results": ""},
        {"document": {"task": "nothing"}},
        {"document": {**DOCUMENT, "choices": {"depth": [1]}}},
        {"document": {**DOCUMENT, "device": {"threads": 2}}},
    ],
)
def test_measurements_of_something_else_are_refused(asked, measuring, results, change):
    answer = measuring.post("/api/v1/devices", json={"document": DOCUMENT, "results": text(results), **change})
    assert answer.status_code == 422 and set(answer.json()) == {"parameter", "expected", "got", "remedy"}
    assert list(asked.service.settings.folder.glob("profiles/*")) == []


def test_measurements_are_taken_where_the_administrator_permits_it(ann, results):
    answer = ann.post("/api/v1/devices", json={"document": DOCUMENT, "results": text(results)})
    assert answer.status_code == 403 and "upload_bytes" in answer.json()["remedy"]


def test_networks_are_predicted_as_the_library_predicts_them(measuring):
    space = nw.space(task="digits")
    networks = [space.smallest, space.largest]
    body = {"document": DOCUMENT, "networks": [json.loads(network.to_json()) for network in networks]}
    answer = measuring.post(f"/api/v1/devices/{SHIPPED}/predict", json=body)
    assert answer.status_code == 200, answer.text
    predictor = nw.LatencyPredictor(space).fit(nw.load_profile(SHIPPED))
    assert [one["key"] for one in answer.json()] == [network.key for network in networks]
    assert [one["latency_ms"] for one in answer.json()] == predictor.predict(space.encode(networks)).tolist()
    assert all(one["low_ms"] <= one["latency_ms"] <= one["high_ms"] for one in answer.json())
    for name, networks_, status in (
        ("unknown", body["networks"], 404),
        (SHIPPED, [{"embed_dim": 32}], 422),
        (SHIPPED, [{**body["networks"][0], "embed_dim": 7}], 422),
        (SHIPPED, [], 422),
    ):
        refused = measuring.post(f"/api/v1/devices/{name}/predict", json={**body, "networks": networks_})
        assert refused.status_code == status and all(refused.json().values()), refused.text
